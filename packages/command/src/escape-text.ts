/**
 * Characters that make a terminal do something, or show something other than what is there:
 *
 * - controls (C0, DEL and C1), in which terminal escapes are written;
 * - line and paragraph separators;
 * - bidirectional controls, which let text run backwards;
 * - zero-width characters, and lone surrogates;
 * - the backslash, so that an escape can be told from the same characters in the text.
 */
const UNSAFE = /[\\\p{Cc}\p{Cs}\p{Bidi_Control}\u00ad\u200b-\u200d\u2028\u2029\u2060-\u2064\ufeff]/gu;

/**
 * Text from a hostile source (a key, a kind, a message of the database), fit to be printed on one line of a terminal.
 * Each unsafe UTF-16 unit becomes `\uXXXX`, and a backslash `\\`.
 *
 * @example escapeText("a\u001b[31mb") === "a\\u001b[31mb"
 */
export function escapeText(text: string): string {
  return text.replaceAll(UNSAFE, (unit) =>
    unit === "\\" ? "\\\\" : `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * A message of several lines: each is escaped, and all but the first are indented, so that no line in it can be
 * taken for one of ours.
 */
export function escapeMessage(text: string): string {
  return text
    .trimEnd()
    .split(/\r?\n/)
    .map((line) => escapeText(line))
    .join("\n  ");
}

/**
 * JSON on one line, fit to be printed: what {@link escapeText} escapes is escaped in JSON's own way, so that any
 * reader of JSON gets back what was there.
 */
export function jsonText(value: unknown): string {
  return JSON.stringify(value).replaceAll(UNSAFE, (unit) =>
    unit === "\\" ? unit : `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
