import { createHash } from "node:crypto";

/**
 * Draws that a seed repeats: SHA-256 of the seed and a counter. Each trial has its own seed, so that one trial can be
 * repeated without those before it.
 */
export class Random {
  readonly #seed: string;
  #drawn = 0;

  constructor(...seed: readonly (string | number)[]) {
    this.#seed = seed.join(" ");
  }

  /** A whole number from 0 to `below` - 1, for `below` up to 2^32. */
  int(below: number): number {
    if (below < 1) throw new RangeError(`nothing can be drawn from ${below}`);
    const digest = createHash("sha256")
      .update(`${this.#seed} ${this.#drawn++}`)
      .digest();
    return Number(digest.readBigUInt64BE() % BigInt(below));
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.int(high - low + 1);
  }

  chance(percent: number): boolean {
    return this.int(100) < percent;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.int(items.length)];
    if (item === undefined) throw new RangeError("an empty list");
    return item;
  }

  hex(bytes: number): string {
    return Array.from({ length: bytes }, () => this.int(256).toString(16).padStart(2, "0")).join("");
  }

  word(): string {
    return `w${this.hex(4)}`;
  }
}
