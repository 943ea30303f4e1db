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
 * Bounds count UTF-8 bytes, as PostgreSQL's octet_length does.
 */
import { canonicalJson } from "./canonical.ts";
import { CoreError } from "./errors.ts";

/** The longest event kind, in UTF-8 bytes. */
export const MAX_KIND_BYTES = 200;

/** The longest event key, in UTF-8 bytes. */
export const MAX_PK_BYTES = 2000;

/** The longest kind of a link, in UTF-8 bytes: of a change, with `:insert`, `:update` or `:delete`. */
export const MAX_LINK_KIND_BYTES: number = MAX_KIND_BYTES + 7;

/** The longest key of a link, in UTF-8 bytes: of a change, with `@` and a seq of up to 19 digits. */
export const MAX_LINK_PK_BYTES: number = MAX_PK_BYTES + 20;

/**
 * The event key of a row, from the text output of its key columns, in key order.
 *
 * @throws CoreError `pk_malformed`: no text at all, a lone surrogate, or more than `MAX_PK_BYTES`
 */
export function eventPk(keyTexts: readonly string[]): string {
  const [first, ...others] = keyTexts;
  if (first === undefined) throw new CoreError("pk_malformed", "an event key needs at least one key column");
  // Before it is written as JSON, where a lone surrogate would have another code.
  for (const text of keyTexts) checkPk(text);
  return others.length === 0 ? first : checkPk(canonicalJson(keyTexts));
}

/**
 * Returns a link's kind itself if it is one: well-formed Unicode of at most `MAX_LINK_KIND_BYTES`.
 *
 * @throws CoreError `kind_malformed`
 */
export function checkLinkKind(kind: string): string {
  const problem = problemOf(kind, MAX_LINK_KIND_BYTES);
  if (problem !== undefined) throw new CoreError("kind_malformed", `the event kind ${problem}`);
  return kind;
}

/**
 * Returns a link's key itself if it is one: well-formed Unicode of at most `MAX_LINK_PK_BYTES`.
 *
 * @throws CoreError `pk_malformed`
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
