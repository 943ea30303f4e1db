import {
  checkKind,
  CoreError,
  eventPk,
  HASH_BYTES,
  hashFromHex,
  MAX_KIND_BYTES,
  payloadHash,
  toHex,
} from "@scidex/audit-core";
import { WriterError } from "./errors.ts";

/** One key text, or a number that has only one: safe integers and bigints. */
export type KeyPart = string | number | bigint;

/** What all events have. */
interface EventLabels {
  /** What kind of event it is: 1 to 200 bytes of UTF-8 without a colon, not the name of an audited table. */
  readonly kind: string;
  /**
   * Its key within that kind, at most 2,000 bytes of UTF-8. Several parts become a JSON array of their texts, as for a
   * composite primary key.
   */
  readonly pk: KeyPart | readonly KeyPart[];
}

/** An event whose payload is hashed here. It is not stored: keep it where it can be found again. */
export interface EventWithPayload extends EventLabels {
  /** Anything with a canonical JSON form (RFC 8785): see core's `canonicalJson` for dates, bigints and bytes. */
  readonly payload: unknown;
  readonly payloadHash?: undefined;
}

/** An event whose payload has been hashed elsewhere. */
export interface EventWithHash extends EventLabels {
  /** SHA-256 of the payload's canonical JSON: 32 bytes, or their 64 lower-case hex digits. */
  readonly payloadHash: Uint8Array | string;
  readonly payload?: undefined;
}

/** An event to be recorded. */
export type NewEvent = EventWithPayload | EventWithHash;

/** An event as it goes to the database: checked, and small whatever the payload was. */
export interface PreparedEvent {
  readonly kind: string;
  readonly pk: string;
  /** 64 lower-case hex digits. */
  readonly hash: string;
}

/**
 * Checks an event and hashes its payload. Nothing is sent for one that fails here.
 *
 * @throws {WriterError} `bad_event`, `reserved_kind` (a colon)
 * @throws {CoreError} `json_…` for a payload without a canonical form (NaN, a lone surrogate, a cycle …)
 */
export function prepareEvent(event: NewEvent): PreparedEvent {
  return { kind: kindOf(event.kind), pk: keyOf(event), hash: hashOf(event) };
}

function kindOf(kind: unknown): string {
  try {
    if (typeof kind === "string") return checkKind(kind);
  } catch (cause) {
    if (!(cause instanceof CoreError)) throw cause;
    if (String(kind).includes(":"))
      throw new WriterError("reserved_kind", `${cause.message}; use another character, such as a dot`, { cause });
  }
  throw new WriterError(
    "bad_event",
    `the event kind must be well-formed text of 1 to ${MAX_KIND_BYTES} bytes without NUL; use a short name`,
  );
}

function keyOf({ kind, pk }: NewEvent): string {
  const parts: readonly KeyPart[] = isList(pk) ? pk : [pk];
  try {
    return eventPk(parts.map((part) => textOf(kind, part)));
  } catch (cause) {
    if (!(cause instanceof CoreError)) throw cause;
    throw new WriterError("bad_event", `${cause.message} (kind ${JSON.stringify(kind)}); use an id or a digest`, {
      cause,
    });
  }
}

function isList(pk: NewEvent["pk"]): pk is readonly KeyPart[] {
  return Array.isArray(pk);
}

function textOf(kind: string, part: unknown): string {
  if (typeof part === "bigint" || Number.isSafeInteger(part)) return String(part);
  if (typeof part === "string" && !part.includes("\0")) return part;
  throw new WriterError(
    "bad_event",
    `the key of a ${JSON.stringify(kind)} event must be text without NUL, a bigint, a safe integer, or a list of these`,
  );
}

function hashOf(event: NewEvent): string {
  if (event.payloadHash === undefined) return toHex(payloadHash(event.payload));
  if (event.payload !== undefined) {
    throw new WriterError("bad_event", "an event has a payload or a payloadHash, not both");
  }
  const hash = event.payloadHash;
  try {
    if (typeof hash === "string") return toHex(hashFromHex(hash));
    if (hash instanceof Uint8Array && hash.byteLength === HASH_BYTES) return toHex(hash);
  } catch (cause) {
    if (!(cause instanceof CoreError)) throw cause;
    throw new WriterError("bad_event", `payloadHash: ${cause.message}`, { cause });
  }
  throw new WriterError("bad_event", `payloadHash must be ${HASH_BYTES} bytes (SHA-256), or 64 lower-case hex digits`);
}
