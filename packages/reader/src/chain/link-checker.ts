import { chainHash, eventHash, GENESIS_PREV_HASH, sameBytes, toHex } from "@scidex/audit-core";
import type { ChainRow } from "./chain-row.ts";
import { hashedTime } from "./chain-row.ts";
import type { ReportFinding } from "../finding/finding.ts";

/** Where a check of links starts: after this link, or at the beginning of the chain. */
export interface LinksStart {
  readonly seq: bigint;
  /** Null where that link is missing: then the first link's prev_hash cannot be judged. */
  readonly chainHash: Uint8Array | null;
}

export const CHAIN_START: LinksStart = { seq: 0n, chainHash: GENESIS_PREV_HASH };

/**
 * Checks each link against itself and against the one before. Rows come in the order of their seq. Each is judged by
 * what is stored in it and in its neighbour, so that one changed row does not drag all later ones into the report.
 */
export class LinkChecker {
  readonly #report: ReportFinding;
  #seq: bigint;
  #chainHash: Uint8Array | null;
  #rows = 0;

  constructor(start: LinksStart, report: ReportFinding) {
    this.#report = report;
    this.#seq = start.seq;
    this.#chainHash = start.chainHash;
  }

  /** Number of rows seen. */
  get rows(): number {
    return this.#rows;
  }

  /** The last seq seen. */
  get seq(): bigint {
    return this.#seq;
  }

  push(row: ChainRow): void {
    this.#rows++;
    const expected = this.#seq + 1n;
    const at = { seq: row.seq, eventKind: row.eventKind, eventPk: row.eventPk };
    if (row.seq < 1n) {
      this.#report({
        check: "gap",
        eventKind: row.eventKind,
        eventPk: row.eventPk,
        actual: String(row.seq),
        message: `a row with the seq ${row.seq}, which no link can have`,
      });
      return;
    }
    if (row.seq < expected) {
      this.#report({ check: "duplicate", ...at, message: `there is more than one row with the seq ${row.seq}` });
      return;
    }
    if (row.seq > expected) {
      this.#gap(expected, row.seq - 1n, row.seq);
      // Its predecessor is gone, and with it what prev_hash should be.
      this.#chainHash = null;
    }
    this.#check(row, at);
    this.#seq = row.seq;
    this.#chainHash = row.chainHash;
  }

  /** To be called where the rows were only read up to `to`, and others follow. */
  finishBefore(to: bigint): void {
    if (this.#seq < to) this.#gap(this.#seq + 1n, to);
  }

  #gap(first: bigint, last: bigint, actual?: bigint): void {
    this.#report({
      check: "gap",
      seq: first,
      expected: String(first),
      ...(actual === undefined ? {} : { actual: String(actual) }),
      message: last === first ? `the link ${first} is missing` : `the links ${first} to ${last} are missing`,
    });
  }

  #check(row: ChainRow, at: { seq: bigint; eventKind: string; eventPk: string }): void {
    const event = recomputeEvent(row);
    if (event === null || !sameBytes(event, row.eventHash)) {
      this.#report({
        check: "event_hash",
        ...at,
        ...(event === null ? {} : { expected: toHex(event) }),
        actual: toHex(row.eventHash),
        message: "the event hash is not that of the row's labels, time and hashes",
      });
    }
    if (this.#chainHash !== null && !sameBytes(this.#chainHash, row.prevHash)) {
      this.#report({
        check: "prev_hash",
        ...at,
        expected: toHex(this.#chainHash),
        actual: toHex(row.prevHash),
        message: "prev_hash is not the chain hash of the link before",
      });
    }
    const chain = recomputeChain(row);
    if (chain === null || !sameBytes(chain, row.chainHash)) {
      this.#report({
        check: "chain_hash",
        ...at,
        ...(chain === null ? {} : { expected: toHex(chain) }),
        actual: toHex(row.chainHash),
        message: "the chain hash is not that of prev_hash, event hash and seq",
      });
    }
  }
}

/** Null where a label, the time or the payload hash is such that no honest event can have it. */
function recomputeEvent(row: ChainRow): Uint8Array | null {
  const appendedAt = hashedTime(row);
  if (appendedAt === null) return null;
  try {
    return eventHash({ ...row, appendedAt });
  } catch {
    return null;
  }
}

function recomputeChain(row: ChainRow): Uint8Array | null {
  try {
    return chainHash(row.prevHash, row.eventHash, row.seq);
  } catch {
    return null;
  }
}
