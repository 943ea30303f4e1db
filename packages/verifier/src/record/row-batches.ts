import type { RowToRecord } from "../rows/comparison.ts";

/** Rows to be recorded in one transaction, which holds the chain's lock for some 50 ms. */
const BATCH_ROWS = 4_000;

const HASH_BYTES = 32;

/** Rows that are to be recorded anew. */
export interface RowBatch {
  readonly keys: readonly string[];
  /** For each key the payload hash of its row and the one that was recorded before, 32 bytes each; zeros where that cannot be told. */
  readonly hashes: Buffer;
}

interface Packed extends RowBatch {
  readonly keys: string[];
}

/** Collects rows in batches, in the order of their keys. */
export class RowBatches {
  #packed: Packed[] = [];

  add({ key, payloadHash, beforeHash }: RowToRecord): void {
    let batch = this.#packed.at(-1);
    if (batch === undefined || isFull(batch)) {
      // One buffer, because a million small ones take 400 MB.
      batch = { keys: [], hashes: Buffer.alloc(2 * HASH_BYTES * BATCH_ROWS) };
      this.#packed.push(batch);
    }
    const at = 2 * HASH_BYTES * batch.keys.length;
    batch.hashes.set(payloadHash, at);
    if (beforeHash !== null) batch.hashes.set(beforeHash, at + HASH_BYTES);
    batch.keys.push(key);
  }

  list(): readonly RowBatch[] {
    return this.#packed;
  }

  /** Takes what is full out of them. */
  takeFull(): readonly RowBatch[] {
    const last = this.#packed.at(-1);
    if (last === undefined || !isFull(last)) return [];
    return this.#packed.splice(0);
  }
}

const isFull = ({ keys }: RowBatch): boolean => keys.length === BATCH_ROWS;
