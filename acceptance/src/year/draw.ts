/** Draws that a seed repeats (Mulberry32): everything that a year does follows from them, but for times and who was first. */
export class Draw {
  #state: number;

  constructor(seed: string) {
    this.#state = new TextEncoder().encode(seed).reduce((sum, byte) => (Math.imul(sum, 31) + byte) | 0, 0x2f6e2b1);
  }

  /** From 0 to 1, without 1. */
  #fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number of both ends or between. */
  between(low: number, high: number): number {
    return low + Math.floor(this.#fraction() * (high - low + 1));
  }

  chance(percent: number): boolean {
    return this.#fraction() * 100 < percent;
  }

  /** @throws {RangeError} where there is nothing */
  pick<T>(items: readonly T[]): T {
    const [item] = items.slice(Math.floor(this.#fraction() * items.length));
    if (item === undefined) throw new RangeError("nothing to draw from");
    return item;
  }

  /** All of them, in another order. */
  shuffle<T>(items: readonly T[]): T[] {
    return items
      .map((item) => ({ item, at: this.#fraction() }))
      .toSorted((a, b) => a.at - b.at)
      .map(({ item }) => item);
  }
}
