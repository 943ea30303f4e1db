/**
 * Labels of an event: its kind, and its key within that kind.
 *
 * The key of a row with a single key column is that column's text as it is; with several columns, the canonical JSON
 * array of their texts in key order. Which of the two it is follows from the table, not from the text.
 *
 *     eventPk(["42"])              → 42
 *     eventPk(["agent", "a\"b"])   → ["agent","a\"b"]
 *
 * A change of a tracked row is an event of its own, whose labels grow out of the row's when it is linked:
 *
 *     task_events, 42   →  task_events:update, 42@1043     (1043 being the change's own seq)
 *
 * What follows a kind's only `:` is the event's role, one of `ROLES`; no kind of a table or of a caller has a `:`.
 * Where a table's keys are blinded, its key stands as `blindKey(secret, key)`.
 *
 * Bounds count UTF-8 bytes, as PostgreSQL's octet_length does.
 */
import { createHmac } from "node:crypto";
import { canonicalJson } from "./canonical.ts";
import { CoreError } from "./errors.ts";
import { checkHash } from "./hash.ts";

/** The longest event kind, in UTF-8 bytes. */
export const MAX_KIND_BYTES = 200;

/** The longest event key, in UTF-8 bytes. */
export const MAX_PK_BYTES = 2000;

/**
 * What an event can be when its row has one already: `update`, `delete`, or `insert` (its key is used again). `record`
 * (recorded anew), `backfill`, `retire`, `erase` and `restore` are reserved.
 */
export const ROLES = ["update", "delete", "insert", "record", "backfill", "retire", "erase", "restore"] as const;

/** One of `ROLES`. */
export type Role = (typeof ROLES)[number];

/** The longest kind of a link, in UTF-8 bytes: with the longest role, `:backfill`. */
export const MAX_LINK_KIND_BYTES: number = MAX_KIND_BYTES + 9;

/** The longest key of a link, in UTF-8 bytes: of a change, with `@` and a seq of up to 19 digits. */
export const MAX_LINK_PK_BYTES: number = MAX_PK_BYTES + 20;

/**
 * The event key of a row, from the text output of its key columns, in key order.
 *
 * @throws {CoreError} `pk_malformed`: no text at all, a lone surrogate, or more than `MAX_PK_BYTES`
 */
export function eventPk(keyTexts: readonly string[]): string {
  const [first, ...others] = keyTexts;
  if (first === undefined) throw new CoreError("pk_malformed", "an event key needs at least one key column");
  // Before it is written as JSON, where a lone surrogate would have another code.
  for (const text of keyTexts) checkPk(text);
  return others.length === 0 ? first : checkPk(canonicalJson(keyTexts));
}

/**
 * Blinded form of a row's key, for keys that are personal data: the lower-case hex (64 digits) of
 * HMAC-SHA256(secret, key as UTF-8) (RFC 2104). Each table has a secret of its own.
 *
 *     blindKey(new Uint8Array(32), "42")
 *     → 96ce0a5a8208370ab4abd635460c4c9afc94c6e8f2a3d717147a434a5e3f4c9b
 *
 * @param secret 32 bytes
 * @throws {CoreError} `hash_length` for a secret of another length; `pk_malformed`
 */
export function blindKey(secret: Uint8Array, key: string): string {
  return createHmac("sha256", checkHash(secret, "the secret")).update(checkPk(key)).digest("hex");
}

/**
 * Returns the kind of a table, or of a caller, itself if it is one: 1 to `MAX_KIND_BYTES` of well-formed Unicode without
 * `:` and NUL.
 *
 * @throws {CoreError} `kind_malformed`
 */
export function checkKind(kind: string): string {
  const problem =
    kind === ""
      ? "is empty"
      : kind.includes(":")
        ? "contains a colon, which stands before the role of an event"
        : kind.includes("\0")
          ? "contains NUL"
          : problemOf(kind, MAX_KIND_BYTES);
  if (problem !== undefined) throw new CoreError("kind_malformed", `the event kind ${problem}`);
  return kind;
}

/** A link's kind, taken apart at its only `:`; `role` is null where there is none of `ROLES` behind one. */
export function splitKind(linkKind: string): { readonly kind: string; readonly role: Role | null } {
  const at = linkKind.indexOf(":");
  const role = at === -1 ? undefined : ROLES.find((name) => name === linkKind.slice(at + 1));
  return role === undefined ? { kind: linkKind, role: null } : { kind: linkKind.slice(0, at), role };
}

/**
 * Returns a link's kind itself if it is one: well-formed Unicode of at most `MAX_LINK_KIND_BYTES`.
 *
 * @throws {CoreError} `kind_malformed`
 */
export function checkLinkKind(kind: string): string {
  const problem = problemOf(kind, MAX_LINK_KIND_BYTES);
  if (problem !== undefined) throw new CoreError("kind_malformed", `the event kind ${problem}`);
  return kind;
}

/**
 * Returns a link's key itself if it is one: well-formed Unicode of at most `MAX_LINK_PK_BYTES`.
 *
 * @throws {CoreError} `pk_malformed`
 */
export function checkLinkPk(pk: string): string {
  return checkPk(pk, MAX_LINK_PK_BYTES);
}

function checkPk(pk: string, maxBytes = MAX_PK_BYTES): string {
  const problem = problemOf(pk, maxBytes);
  if (problem !== undefined) throw new CoreError("pk_malformed", `the event key ${problem}`);
  return pk;
}

function problemOf(label: string, maxBytes: number): string | undefined {
  // A code unit takes at least one byte and at most three, so most labels need no counting.
  if (label.length > maxBytes || (label.length * 3 > maxBytes && Buffer.byteLength(label) > maxBytes)) {
    return `is longer than ${maxBytes} bytes`;
  }
  return label.isWellFormed() ? undefined : "has a lone surrogate";
}
