/**
 * Links: the rows of `audit_chain`, and the two hashes that tie them together.
 *
 * Event hash, 32 bytes: SHA-256 of the canonical JSON of the event's labels, time and hashes, so that no column
 * can be changed unnoticed:
 *
 *     {"appended_at":"2026-04-28T12:00:00.123456Z","event_kind":"task_events","event_pk":"42",
 *      "payload_hash":"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}
 *
 * (in one line, without the space). An update or a deletion of a tracked row also says what it changed, by the payload
 * hash of the row before. That is the member `before_hash`, which comes second, and is left out where there is none:
 *
 *     {"appended_at":"2026-04-28T12:00:01.000000Z",
 *      "before_hash":"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
 *      "event_kind":"task_events:update","event_pk":"42@1043","payload_hash":"<64 hex>"}
 *
 * Chain hash, 32 bytes: SHA-256 of 72 bytes,
 *
 *     prev_hash (32) || event_hash (32) || seq (8, big-endian, as PostgreSQL's int8send)
 *
 * where `prev_hash` is the chain hash of the link before, and 32 zero bytes for the first. `seq` starts at 1 and has no
 * gaps.
 */
import { CoreError } from "./errors.ts";
import { checkLinkKind, checkLinkPk } from "./event-key.ts";
import { checkHash, HASH_BYTES, sha256, toHex } from "./hash.ts";
import { checkTime } from "./time.ts";

/** One row of the chain. */
export interface Link {
  /** 1, 2, 3 … */
  readonly seq: bigint;
  /** The source table's kind, or the caller's; of a change with `:` and its role behind it. At most 209 bytes of UTF-8. */
  readonly eventKind: string;
  /** The event's key within its kind; of a change with `@` and its seq behind it. At most 2,020 bytes of UTF-8. */
  readonly eventPk: string;
  /** 32 bytes. */
  readonly payloadHash: Uint8Array;
  /** 32 bytes. */
  readonly eventHash: Uint8Array;
  /** 32 bytes: the chain hash of the link before, or zeros. */
  readonly prevHash: Uint8Array;
  /** 32 bytes. */
  readonly chainHash: Uint8Array;
  /** 32 bytes: the payload hash of the row before this event, where the event changes one; else null. */
  readonly beforeHash: Uint8Array | null;
  /** `YYYY-MM-DDTHH:MM:SS.ffffffZ` */
  readonly appendedAt: string;
}

/** What the event hash covers. */
export type Event = Pick<Link, "eventKind" | "eventPk" | "payloadHash" | "beforeHash" | "appendedAt">;

/** `prev_hash` of the first link: 32 zero bytes. */
export const GENESIS_PREV_HASH: Uint8Array = new Uint8Array(HASH_BYTES);

/** The highest seq that PostgreSQL's bigint holds: 2^63 - 1. */
export const MAX_SEQ: bigint = 2n ** 63n - 1n;

/**
 * Hash of an event. 32 bytes.
 *
 * @throws {CoreError} `kind_malformed`, `pk_malformed`, `hash_length`, `time_malformed`, `time_range`
 */
export function eventHash(event: Event): Uint8Array {
  checkTime(event.appendedAt);
  const kind = JSON.stringify(checkLinkKind(event.eventKind));
  const pk = JSON.stringify(checkLinkPk(event.eventPk));
  const payload = toHex(checkHash(event.payloadHash, "payload_hash"));
  const before = beforeMember(event.beforeHash);
  // Written directly, since the verifier does this for every row. The names stand in canonical order, and a time and
  // hex need no escaping. checkLinkKind and checkLinkPk have refused what JSON.stringify would not write as RFC 8785
  // does.
  return sha256(
    `{"appended_at":"${event.appendedAt}",${before}"event_kind":${kind},"event_pk":${pk},"payload_hash":"${payload}"}`,
  );
}

/**
 * The member `before_hash` of an event or a leaf, with the comma behind it; empty where there is none.
 *
 * @throws {CoreError} `hash_length`
 */
export function beforeMember(beforeHash: Uint8Array | null): string {
  return beforeHash === null ? "" : `"before_hash":"${toHex(checkHash(beforeHash, "before_hash"))}",`;
}

/** The 72 bytes of the next chain hash. Kept, since hashing is synchronous and done for every row. */
const preimage = new Uint8Array(2 * HASH_BYTES + 8);
const preimageView = new DataView(preimage.buffer);

/**
 * Chain hash of a link: SHA-256(prev_hash || event_hash || seq). 32 bytes.
 *
 * @throws {CoreError} `hash_length`; `seq_range` for a seq outside 1 to 2^63 - 1
 */
export function chainHash(prevHash: Uint8Array, eventHash: Uint8Array, seq: bigint): Uint8Array {
  if (seq < 1n || seq > MAX_SEQ) throw new CoreError("seq_range", `${seq} is outside 1 to 2^63 - 1`);
  preimage.set(checkHash(prevHash, "prev_hash"), 0);
  preimage.set(checkHash(eventHash, "event_hash"), HASH_BYTES);
  preimageView.setBigUint64(2 * HASH_BYTES, seq);
  return sha256(preimage);
}

/**
 * The link that records `event` after `prev`, or as the first one where there is none.
 *
 * @throws {CoreError} as `eventHash` and `chainHash`
 */
export function nextLink(prev: Pick<Link, "seq" | "chainHash"> | null, event: Event): Link {
  const seq = prev === null ? 1n : prev.seq + 1n;
  const prevHash = prev === null ? GENESIS_PREV_HASH : prev.chainHash;
  const hash = eventHash(event);
  return {
    seq,
    eventKind: event.eventKind,
    eventPk: event.eventPk,
    payloadHash: event.payloadHash,
    eventHash: hash,
    prevHash,
    chainHash: chainHash(prevHash, hash, seq),
    beforeHash: event.beforeHash,
    appendedAt: event.appendedAt,
  };
}
