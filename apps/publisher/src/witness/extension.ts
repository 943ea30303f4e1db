import {
  ConsistencyBuilder,
  emptyFrontier,
  type Frontier,
  FrontierBuilder,
  frontierRoot,
  type Head,
  leafHash,
  type Seq,
  verifyConsistency,
} from "@scidex/audit-core";
import type { Leaves } from "@scidex/audit-sinks";

/**
 * Proves to witnesses that the signed tree extends the one that they have cosigned last.
 */
export class Extension {
  readonly #head: Head;
  readonly #known: ReadonlyMap<Seq, Frontier>;
  readonly #leaves: Leaves;
  readonly #proofs = new Map<Seq, Promise<Uint8Array[]>>();

  /**
   * @param head the signed one
   * @param known trees of which the frontier is known: from any other, all leaves are read
   */
  constructor(head: Head, known: readonly Frontier[], leaves: Leaves) {
    this.#head = head;
    this.#known = new Map([...known, emptyFrontier, head.frontier].map((frontier) => [frontier.size, frontier]));
    this.#leaves = leaves;
  }

  /**
   * The proof from that size, which is at most the head's.
   *
   * @throws {CoreError} `proof_mismatch` where the chain's leaves are not those of the signed head any more; and what
   *   reading them throws
   */
  async from(oldSize: Seq): Promise<Uint8Array[]> {
    const proof = this.#proofs.get(oldSize) ?? this.#prove(oldSize);
    this.#proofs.set(oldSize, proof);
    return await proof;
  }

  async #prove(oldSize: Seq): Promise<Uint8Array[]> {
    const { seq: newSize, root: newRoot } = this.#head;
    if (oldSize === 0n || oldSize === newSize) return [];
    const old = this.#known.get(oldSize) ?? (await this.#frontierAt(oldSize));
    const builder = new ConsistencyBuilder(old, newSize);
    for await (const leaf of this.#leaves(oldSize + 1n, newSize)) builder.append(leafHash(leaf));
    const proof = builder.proof();
    verifyConsistency({ oldSize, oldRoot: frontierRoot(old), newSize, newRoot, proof });
    return proof;
  }

  async #frontierAt(size: Seq): Promise<Frontier> {
    const builder = new FrontierBuilder();
    for await (const leaf of this.#leaves(1n, size)) builder.append(leafHash(leaf));
    return builder.frontier();
  }
}
