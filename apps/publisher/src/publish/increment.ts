import {
  chainHash,
  CoreError,
  eventHash,
  FrontierBuilder,
  type Frontier,
  GENESIS_PREV_HASH,
  type Head,
  type Leaf,
  leafHash,
  leafText,
  parseTime,
  sameBytes,
  toHex,
} from "@scidex/audit-core";
import { type ChainRow, seqValue, timeOf } from "./chain-row.ts";
import type { Divergence, PublisherCheck } from "./divergence.ts";

/** How far clocks may be apart, in microseconds: five minutes. */
export const CLOCK_TOLERANCE_MICROS = 300_000_000n;

/** The chain after the last signed head, verified row by row; pure, but for the frontier that it builds up. */
export class Increment {
  readonly #after: Head | undefined;
  readonly #now: bigint;
  #builder: FrontierBuilder;
  #previous: { seq: bigint; chainHash: Uint8Array };
  #pending: Leaf | undefined;

  /**
   * @param after the last signed head; undefined for a chain of which nothing has been signed
   * @param now our own clock, in microseconds since the Unix epoch
   */
  constructor(after: Head | undefined, now: bigint) {
    this.#after = after;
    this.#now = now;
    this.#builder = new FrontierBuilder(after?.frontier);
    this.#previous = after ? { seq: after.seq, chainHash: after.chainHash } : { seq: 0n, chainHash: GENESIS_PREV_HASH };
  }

  /** The last row that has been added, and the frontier of the tree before it; undefined when there was none. */
  get end(): { leaf: Leaf; before: Frontier } | undefined {
    return this.#pending ? { leaf: this.#pending, before: this.#builder.frontier() } : undefined;
  }

  get seq(): bigint {
    return this.#previous.seq;
  }

  /** Checks the next row, by seq. A finding ends the verification: what comes after it can't be judged. */
  add(row: ChainRow): Divergence | undefined {
    const expected = this.#previous.seq + 1n;
    const seq = seqValue(row.seq);
    const kind = typeof row.event_kind === "string" ? row.event_kind : undefined;
    const pk = typeof row.event_pk === "string" ? row.event_pk : undefined;
    const finding = (
      check: PublisherCheck,
      message: string,
      sides: { expected?: string; actual?: string } = {},
    ): Divergence => ({
      check,
      group: "links",
      seq: Number(check === "gap" ? expected : (seq ?? expected)),
      ...(check !== "gap" && kind !== undefined ? { event_kind: kind } : {}),
      ...(check !== "gap" && pk !== undefined ? { event_pk: pk } : {}),
      ...sides,
      message,
    });
    if (seq === undefined || seq > expected)
      return finding("gap", `link ${expected} is missing`, { expected: String(expected), actual: String(seq ?? null) });
    if (seq < expected) return finding("duplicate", `link ${seq} is there twice`);

    const payloadHash = hashOf(row.payload_hash);
    const prevHash = hashOf(row.prev_hash);
    const storedEvent = hashOf(row.event_hash);
    const storedChain = hashOf(row.chain_hash);
    const beforeHash = beforeOf(row.before_hash);
    const appendedAt = timeOf(row.appended_at);
    if (prevHash === undefined || !sameBytes(prevHash, this.#previous.chainHash))
      return finding("prev_hash", `prev_hash of link ${seq} is not the chain_hash of the link before`, {
        expected: toHex(this.#previous.chainHash),
        actual: shown(row.prev_hash),
      });
    let computed: Uint8Array | undefined;
    let leaf: Leaf | undefined;
    try {
      if (
        kind !== undefined &&
        pk !== undefined &&
        payloadHash &&
        beforeHash !== undefined &&
        appendedAt !== undefined &&
        storedChain
      ) {
        leaf = { seq, eventKind: kind, eventPk: pk, payloadHash, beforeHash, chainHash: storedChain, appendedAt };
        computed = eventHash(leaf);
      }
    } catch (error) {
      if (!(error instanceof CoreError)) throw error;
    }
    if (storedChain === undefined)
      return finding("chain_hash", `chain_hash of link ${seq} is not a hash`, { actual: shown(row.chain_hash) });
    if (leaf === undefined || computed === undefined || storedEvent === undefined || !sameBytes(computed, storedEvent))
      return finding("event_hash", `event_hash of link ${seq} does not fit its kind, key, hashes and time`, {
        ...(computed ? { expected: toHex(computed) } : {}),
        actual: shown(row.event_hash),
      });
    const chain = chainHash(prevHash, storedEvent, seq);
    if (!sameBytes(chain, storedChain))
      return finding("chain_hash", `chain_hash of link ${seq} does not fit`, {
        expected: toHex(chain),
        actual: toHex(storedChain),
      });
    const time = parseTime(leaf.appendedAt);
    if (time > this.#now + CLOCK_TOLERANCE_MICROS)
      return finding(
        "time_implausible",
        `link ${seq} says that it was appended at ${leaf.appendedAt}, which is still to come`,
      );
    if (this.#after && time < parseTime(this.#after.appendedAt) - CLOCK_TOLERANCE_MICROS)
      return finding(
        "time_implausible",
        `link ${seq} says that it was appended at ${leaf.appendedAt}, before link ${this.#after.seq}, which had been signed without it`,
      );

    // One row behind: a head needs the frontier before its last leaf.
    if (this.#pending) this.#builder.append(leafHash(leafText(this.#pending)));
    this.#pending = leaf;
    this.#previous = { seq, chainHash: storedChain };
    return undefined;
  }
}

function hashOf(value: unknown): Uint8Array | undefined {
  return value instanceof Uint8Array && value.length === 32 ? value : undefined;
}

/** Null for NULL; undefined for what is no hash. */
function beforeOf(value: unknown): Uint8Array | null | undefined {
  return value === null ? null : hashOf(value);
}

function shown(value: unknown): string {
  return value instanceof Uint8Array ? toHex(value.subarray(0, 64)) : "NULL";
}

/**
 * Checks that the row that was signed last is still there, unchanged. `rows` are those with its seq, `below` the highest
 * seq up to it that is there, `above` whether there are rows after it.
 */
export function checkAnchor(
  head: Head,
  rows: readonly ChainRow[],
  below: bigint,
  above: boolean,
): Divergence | undefined {
  const [row, second] = rows;
  const seq = Number(head.seq);
  if (row === undefined)
    return {
      check: above ? "gap" : "truncated",
      group: above ? "links" : "heads",
      seq: Number(below + 1n),
      expected: `link ${head.seq}, signed at ${head.publishedAt}`,
      actual: above ? "rows below and above it" : `the chain ends at ${below}`,
      message: above
        ? `link ${below + 1n} is missing`
        : `links ${below + 1n} to ${head.seq} had been published and are gone`,
    };
  if (second !== undefined) return { check: "duplicate", group: "links", seq, message: `link ${seq} is there twice` };
  const { leaf } = head;
  const time = timeOf(row.appended_at);
  const same =
    row.event_kind === leaf.eventKind &&
    row.event_pk === leaf.eventPk &&
    time === leaf.appendedAt &&
    isHash(row.payload_hash, leaf.payloadHash) &&
    (leaf.beforeHash === null ? row.before_hash === null : isHash(row.before_hash, leaf.beforeHash)) &&
    isHash(row.chain_hash, leaf.chainHash);
  if (same) return undefined;
  return (
    inconsistent(row, head.seq, time) ?? {
      check: "head_mismatch",
      group: "heads",
      from_seq: 1,
      to_seq: seq,
      expected: head.entry,
      actual: shown(row.chain_hash),
      message: `link ${head.seq} is not the one that was signed at ${head.publishedAt}: the chain has been rewritten at or before it`,
    }
  );
}

/** A row whose own hashes don't fit was changed by itself; where they do, what comes before it has been rewritten too. */
function inconsistent(row: ChainRow, seq: bigint, appendedAt: string | undefined): Divergence | undefined {
  const payloadHash = hashOf(row.payload_hash);
  const beforeHash = beforeOf(row.before_hash);
  const event = hashOf(row.event_hash);
  const prev = hashOf(row.prev_hash);
  const chain = hashOf(row.chain_hash);
  const { event_kind: eventKind, event_pk: eventPk } = row;
  const labels = {
    group: "links",
    seq: Number(seq),
    ...(typeof eventKind === "string" ? { event_kind: eventKind } : {}),
    ...(typeof eventPk === "string" ? { event_pk: eventPk } : {}),
  } as const;
  const bad = (check: "event_hash" | "chain_hash", message: string): Divergence => ({ check, ...labels, message });
  const eventMessage = `event_hash of link ${seq} does not fit its kind, key, hashes and time`;
  try {
    if (
      typeof eventKind !== "string" ||
      typeof eventPk !== "string" ||
      appendedAt === undefined ||
      !payloadHash ||
      beforeHash === undefined ||
      !event
    )
      return bad("event_hash", eventMessage);
    if (!sameBytes(eventHash({ eventKind, eventPk, payloadHash, beforeHash, appendedAt }), event))
      return bad("event_hash", eventMessage);
  } catch (error) {
    if (error instanceof CoreError) return bad("event_hash", eventMessage);
    throw error;
  }
  return prev && chain && sameBytes(chainHash(prev, event, seq), chain)
    ? undefined
    : bad("chain_hash", `chain_hash of link ${seq} does not fit`);
}

const isHash = (value: unknown, hash: Uint8Array): boolean => value instanceof Uint8Array && sameBytes(value, hash);
