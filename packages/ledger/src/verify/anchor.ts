import { createHash } from "node:crypto";
import { canonicalJson, eventPk, MAX_PK_BYTES, payloadHash, sameBytes, sha256, toHex } from "@scidex/audit-core";
import type { ChainRow } from "./chain.ts";

// An anchor fixes the first `count` rows of an agent's chain in the audit chain, whose heads are published elsewhere.
//
//   event_kind    ledger_head
//   event_pk      JSON array of three texts: ledger, agent_id, count in decimal digits
//   payload_hash  SHA-256 of the canonical JSON (RFC 8785) of
//                 {"agent_id":"…","count":"3","digest":"<hex>","last_hmac":"<hex>","ledger":"…"}
//
// digest is a SHA-256 chain: d(0) = 32 zero bytes, d(i) = SHA-256(d(i-1) || SHA-256(signed text of row i) || hmac of row i as
// the 64 ASCII characters stored). It needs no secret, so whoever has the rows can recompute it. The audit chain holds only
// the payload's hash: the payload of `count` rows is recomputed from the rows at hand.

/** The kind under which anchors stand in the audit chain. */
export const ANCHOR_KIND = "ledger_head";

/** The name of a ledger in its anchors if none is given. Ledgers that share an audit chain need different names. */
export const DEFAULT_LEDGER_NAME = "default";

/** The head of an agent's chain: what an anchor records. */
export interface AnchorPayload {
  readonly agent_id: string;
  /** How many rows, in decimal digits. */
  readonly count: string;
  /** The SHA-256 chain over these rows, lower-case hex. */
  readonly digest: string;
  readonly last_hmac: string;
  readonly ledger: string;
}

/** An anchor as it is read back from the audit chain. */
export interface Anchor {
  readonly count: number;
  readonly payloadHash: Uint8Array;
}

/** The agent's part of the key: its id, or where that would make the key too long, `sha256:` and the id's hash. */
function agentKey(ledger: string, agentId: string): string {
  // 16 digits: room for any count, so that an agent's key never changes as its chain grows.
  const longest = canonicalJson([ledger, agentId, "9".repeat(16)]);
  if (Buffer.byteLength(longest) <= MAX_PK_BYTES) return agentId;
  return `sha256:${toHex(sha256(agentId))}`;
}

/** The anchor's key in the audit chain. */
export function anchorPk(ledger: string, agentId: string, count: number): string {
  return eventPk([ledger, agentKey(ledger, agentId), String(count)]);
}

/** What the keys of all anchors of an agent begin with. */
export function anchorPkPrefix(ledger: string, agentId: string): string {
  return `${canonicalJson([ledger, agentKey(ledger, agentId)]).slice(0, -1)},`;
}

/** Reads the count out of a key that has the agent's prefix; null for whatever is not exactly such a key. */
export function anchorCount(ledger: string, agentId: string, pk: string): number | null {
  const digits = /,"([1-9]\d{0,15})"\]$/.exec(pk)?.[1];
  if (digits === undefined) return null;
  const count = Number(digits);
  return Number.isSafeInteger(count) && anchorPk(ledger, agentId, count) === pk ? count : null;
}

/** One step of the SHA-256 chain. */
export function extendDigest(before: Uint8Array, row: ChainRow): Uint8Array {
  return createHash("sha256")
    .update(before)
    .update(row.digest ?? new Uint8Array())
    .update(row.hmac, "utf8")
    .digest();
}

/** The payloads at the given counts, from the rows in the order of their links. Counts beyond the rows have none. */
export function anchorPayloads(
  ledger: string,
  agentId: string,
  order: readonly ChainRow[],
  counts: ReadonlySet<number>,
): Map<number, AnchorPayload> {
  const payloads = new Map<number, AnchorPayload>();
  let digest: Uint8Array = new Uint8Array(32);
  for (const [index, row] of order.entries()) {
    digest = extendDigest(digest, row);
    const count = index + 1;
    if (!counts.has(count)) continue;
    payloads.set(count, {
      agent_id: agentId,
      count: String(count),
      digest: toHex(digest),
      last_hmac: row.hmac,
      ledger,
    });
  }
  return payloads;
}

/** Whether the payload is what the anchor recorded. */
export function anchorHolds(payload: AnchorPayload, anchor: Anchor): boolean {
  return sameBytes(payloadHash(payload), anchor.payloadHash);
}
