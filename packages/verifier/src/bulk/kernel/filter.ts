import { FILTER } from "./memory";

/**
 * A Bloom filter of tags, in blocks of 64 bytes, twelve bits a tag: one cache line each. It never forgets a tag; it may
 * take one for known that is not.
 */
let blocks: u64 = 0;
/** Nobody reads it: without it the compiler would leave out what is only fetched ahead. */
let fetched: u64 = 0;

/**
 * Makes an empty filter of 64 * `n` bytes, n being a power of two, False where there is no memory.
 */
export function makeFilter(n: i32): bool {
  const pages = <i32>((FILTER + (<usize>n << 6) + 0xffff) >> 16) - memory.size();
  if (pages > 0 && memory.grow(pages) < 0) return false;
  memory.fill(FILTER, 0, <usize>n << 6);
  blocks = n;
  return true;
}

/** Sets one of the bits of a block. Returns whether it was set. */
@inline function set(block: usize, at: u64): bool {
  const word = block + ((<usize>at & 448) >> 3);
  const mask = <u64>1 << (at & 63);
  const value = load<u64>(word);
  store<u64>(word, value | mask);
  return (value & mask) != 0;
}

/** Adds tags, and moves those that may have been there before to the front. Returns their number. */
export function addTags(tags: usize, n: i32): i32 {
  let known = 0;
  let touched: u64 = 0;
  for (let i = 0; i < n; i++) {
    // Sixteen blocks are fetched at once: one after the other, most of the time would be spent on waiting for memory.
    if ((i & 15) == 0)
      for (let j = i; j < min(i + 16, n); j++) touched |= load<u64>(FILTER + (<usize>(load<u64>(tags + (<usize>j << 3)) & (blocks - 1)) << 6));
    const tag = load<u64>(tags + (<usize>i << 3));
    const block = FILTER + (<usize>(tag & (blocks - 1)) << 6);
    let isKnown = true;
    // Each place in a block of 512 takes nine bits: five places come from the tag, and seven from a mixture. The number
    // of the block, of 19 bits at most, comes from the tag's other end.
    const mixed = (tag ^ (tag >> 32)) * 0x9e3779b97f4a7c15;
    for (let bit: u64 = 19; bit < 64; bit += 9) isKnown = set(block, tag >> bit) && isKnown;
    for (let bit: u64 = 1; bit < 64; bit += 9) isKnown = set(block, mixed >> bit) && isKnown;
    if (isKnown) {
      store<u64>(tags + (<usize>known << 3), tag);
      known++;
    }
  }
  fetched = touched;
  return known;
}
