import type { RowToRecord } from "../rows/comparison.ts";

/** Rows to be recorded in one transaction, which holds the chain's lock for some 50 ms. */
const BATCH_ROWS = 4_000;

const HASH_BYTES = 32;

/** Rows that are to be recorded anew, at the same place in each list. */
export interface RowBatch {
  readonly keys: readonly string[];
  readonly payloadHashes: readonly Uint8Array[];
  /** Null where it cannot be told what was recorded before. */
  readonly beforeHashes: readonly (Uint8Array | null)[];
}

interface Packed {
  readonly keys: string[];
  /** For each row its payload hash and the hash before it. One buffer, because a million small ones take 400 MB. */
  readonly hashes: Buffer;
}

/** Collects rows in batches, in the order of their keys. */
export class RowBatches {
  /** Whether all rows are here. */
  isWhole = true;
  readonly #packed: Packed[] = [];

  add({ key, payloadHash, beforeHash }: RowToRecord): void {
    let batch = this.#packed.at(-1);
    if (batch === undefined || batch.keys.length === BATCH_ROWS) {
      batch = { keys: [], hashes: Buffer.alloc(2 * HASH_BYTES * BATCH_ROWS) };
      this.#packed.push(batch);
    }
    const at = 2 * HASH_BYTES * batch.keys.length;
    batch.hashes.set(payloadHash, at);
    // Nothing has a hash of zeros.
    if (beforeHash !== null) batch.hashes.set(beforeHash, at + HASH_BYTES);
    batch.keys.push(key);
  }

  list(): RowBatch[] {
    return this.#packed.map(({ keys, hashes }) => ({
      keys,
      get payloadHashes() {
        return keys.map((_, i) => hashAt(hashes, 2 * i));
      },
      get beforeHashes() {
        return keys
          .map((_, i) => hashAt(hashes, 2 * i + 1))
          .map((hash) => (hash.some((byte) => byte > 0) ? hash : null));
      },
    }));
  }
}

const hashAt = (hashes: Buffer, n: number): Uint8Array => hashes.subarray(HASH_BYTES * n, HASH_BYTES * (n + 1));
