/**
 * Keyed tags: SipHash-2-4 with 128 bits (Aumasson, Bernstein: "SipHash: a fast short-input PRF"). The key is random, new
 * in each run, and never leaves the process, so that nobody can look for rows whose tags collide or add up to the same.
 */
export const TAG_KEY: usize = memory.data(16, 16);

export let tag0: u64 = 0;
export let tag1: u64 = 0;

let v0: u64 = 0;
let v1: u64 = 0;
let v2: u64 = 0;
let v3: u64 = 0;

@inline function round(): void {
  let a = v0;
  let b = v1;
  let c = v2;
  let d = v3;
  a += b; b = rotl(b, 13) ^ a; a = rotl(a, 32);
  c += d; d = rotl(d, 16) ^ c;
  a += d; d = rotl(d, 21) ^ a;
  c += b; b = rotl(b, 17) ^ c; c = rotl(c, 32);
  v0 = a; v1 = b; v2 = c; v3 = d;
}

/** The tag of `length` bytes, in `tag0` and `tag1`. Reads up to 8 bytes more. */
export function makeTag(from: usize, length: usize): void {
  const k0 = load<u64>(TAG_KEY);
  const k1 = load<u64>(TAG_KEY, 8);
  v0 = k0 ^ 0x736f6d6570736575;
  v1 = k1 ^ 0x646f72616e646f6d ^ 0xee;
  v2 = k0 ^ 0x6c7967656e657261;
  v3 = k1 ^ 0x7465646279746573;
  const words = length >> 3;
  for (let i: usize = 0; i <= words; i++) {
    let m = load<u64>(from + (i << 3));
    if (i == words) {
      const left = (length & 7) << 3;
      m = (left == 0 ? 0 : m & ((<u64>1 << left) - 1)) | (<u64>length << 56);
    }
    v3 ^= m;
    round();
    round();
    v0 ^= m;
  }
  v2 ^= 0xee;
  for (let i = 0; i < 4; i++) round();
  tag0 = v0 ^ v1 ^ v2 ^ v3;
  v1 ^= 0xdd;
  for (let i = 0; i < 4; i++) round();
  tag1 = v0 ^ v1 ^ v2 ^ v3;
}
