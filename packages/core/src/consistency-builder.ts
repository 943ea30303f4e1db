import { consistencyRanges } from "./consistency.ts";
import { CoreError } from "./errors.ts";
import { type Frontier, FrontierBuilder } from "./frontier.ts";
import type { LeafRange } from "./inclusion.ts";

/** Part of the new tree whose root is in the proof. */
interface Part extends LeafRange {
  readonly builder: FrontierBuilder;
}

/**
 * Makes the consistency proof from a tree of which only the frontier is known to one that has more leaves, which are given
 * one after another. A proof consists of nodes of the old tree, each of which is in its frontier, and of nodes that are all
 * of new leaves.
 */
export class ConsistencyBuilder {
  readonly #old: Frontier;
  readonly #newSize: bigint;
  /** In the order of the proof. */
  readonly #ranges: readonly LeafRange[];
  /** In the order of the leaves. */
  readonly #parts: readonly Part[];
  #size: bigint;
  #at = 0;

  /** @throws {CoreError} `tree_range` */
  constructor(old: Frontier, newSize: bigint) {
    this.#old = old;
    this.#newSize = newSize;
    this.#size = old.size;
    this.#ranges = consistencyRanges(old.size, newSize);
    this.#parts = this.#ranges
      .filter(({ from }) => from >= old.size)
      .toSorted((a, b) => (a.from < b.from ? -1 : 1))
      .map((range) => ({ ...range, builder: new FrontierBuilder() }));
  }

  /** Takes the next leaf's hash. @throws {CoreError} `tree_range` beyond the new tree; `hash_length` */
  append(leafHash: Uint8Array): void {
    if (this.#size >= this.#newSize)
      throw new CoreError("tree_range", `the tree has ${this.#newSize} leaves, and one more is given`);
    this.#size += 1n;
    // From the empty tree everything extends, without a proof.
    const part = this.#parts[this.#at];
    if (part === undefined) return;
    part.builder.append(leafHash);
    if (this.#size === part.to) this.#at += 1;
  }

  /** The proof. @throws {CoreError} `tree_range` where leaves are missing */
  proof(): Uint8Array[] {
    if (this.#size !== this.#newSize)
      throw new CoreError("tree_range", `${this.#size} leaves of ${this.#newSize} were given`);
    return this.#ranges.map((range) => {
      const part = this.#parts.find(({ from }) => from === range.from);
      return part === undefined ? this.#peak(range) : part.builder.root();
    });
  }

  /** A complete subtree of the old tree, by its place in the frontier. */
  #peak({ from, to }: LeafRange): Uint8Array {
    let at = 0n;
    let index = 0;
    for (let bit = 1n << BigInt(this.#old.size.toString(2).length - 1); bit > 0n; bit >>= 1n) {
      if ((this.#old.size & bit) === 0n) continue;
      const hash = this.#old.hashes[index++];
      if (at === from && at + bit === to && hash !== undefined) return hash;
      at += bit;
    }
    throw new CoreError("tree_range", `the frontier of ${this.#old.size} leaves has no node of ${from} to ${to}`);
  }
}
