import { Kernel } from "./kernel.ts";

/** Tags that may be there twice are remembered up to this number: beyond it, events are compared in order. */
const MAX_SUSPECTS = 100_000;

/**
 * The filter takes 12 bytes a row, up to the bound, so that no second reading is needed. Then 4 million tags gave no
 * suspect, 8 million a handful, and 16 million 1,300. With 2 bytes it was 600 of a million, so that every chain was
 * read twice.
 */
const BYTES_PER_ROW = 12;
const MIN_BYTES = 2 ** 20;
const MAX_BYTES = 2 ** 25;

/**
 * With more tags than that, the filter takes too many for repeated. The keys of a longer chain are read from its unique index,
 * in order (share/key-ranges.ts).
 */
export const MAX_FILTERED = 12_000_000n;

/**
 * Looks for events that are there twice, by the tags of kind and key, in memory that does not grow with their number. A
 * filter sees every repetition, and takes a few tags for repeated that are not: those are counted in one more reading.
 */
export class Repeats {
  readonly #kernel: Kernel;
  readonly #suspects = new Set<bigint>();
  #isOverflown = false;

  /** @param expected number of rows, roughly: it is no bound */
  constructor(expected: number) {
    this.#kernel = new Kernel(new Uint8Array(16));
    const bytes = 2 ** Math.ceil(Math.log2(BYTES_PER_ROW * expected + 1));
    const blocks = Math.min(Math.max(bytes, MIN_BYTES), MAX_BYTES) / 64;
    if (this.#kernel.raw.makeFilter(blocks) === 0) this.#isOverflown = true;
  }

  /** Takes tags, 8 bytes each. */
  readonly add = (tags: Uint8Array): void => {
    const { raw } = this.#kernel;
    const room = 8 * raw.MAX_ROWS.value;
    for (let at = 0; at < tags.length && !this.#isOverflown; at += room) {
      const part = tags.subarray(at, at + room);
      this.#kernel.bytes.set(part, raw.TAGS.value);
      const suspects = raw.addTags(raw.TAGS.value, part.length / 8);
      if (suspects > 0)
        for (const tag of tagsOf(this.#kernel.slice(raw.TAGS.value, 8 * suspects))) this.#suspects.add(tag);
      if (this.#suspects.size > MAX_SUSPECTS) this.#isOverflown = true;
    }
  };

  /** Tags that may have come twice; null where there are too many of them to be remembered. */
  get suspects(): ReadonlySet<bigint> | null {
    return this.#isOverflown ? null : this.#suspects;
  }
}

/** Counts the suspects in one more reading. */
export class Recount {
  readonly #counts: Map<bigint, number>;

  constructor(suspects: ReadonlySet<bigint>) {
    this.#counts = new Map([...suspects].map((tag) => [tag, 0]));
  }

  readonly add = (tags: Uint8Array): void => {
    for (const tag of tagsOf(tags)) {
      const count = this.#counts.get(tag);
      if (count !== undefined) this.#counts.set(tag, count + 1);
    }
  };

  /** Whether each of them came just once. */
  get areSingle(): boolean {
    return [...this.#counts.values()].every((count) => count === 1);
  }
}

function* tagsOf(tags: Uint8Array): Generator<bigint> {
  const view = new DataView(tags.buffer, tags.byteOffset, tags.byteLength);
  for (let at = 0; at < tags.length; at += 8) yield view.getBigUint64(at, true);
}
