/**
 * Characters that make a terminal do something, or show something other than what is there:
 *
 * - controls (C0, DEL and C1), in which terminal escapes are written;
 * - line and paragraph separators;
 * - bidirectional controls, which let text run backwards;
 * - zero-width characters, and lone surrogates;
 * - the backslash, so that an escape can be told from the same characters in the text.
 */
export const UNSAFE_ON_TERMINALS: RegExp =
  /[\\\p{Cc}\p{Cs}\p{Bidi_Control}\u00ad\u200b-\u200d\u2028\u2029\u2060-\u2065\ufeff]/gu;

/**
 * JSON fit to be printed: what a terminal would act on is escaped in JSON's own way, so that any reader of JSON gets back
 * what was there.
 *
 * @param indent spaces a level; on one line without it
 */
export function jsonText(value: unknown, indent = 0): string {
  return JSON.stringify(value, null, indent).replaceAll(UNSAFE_ON_TERMINALS, (unit) =>
    unit === "\\" || unit === "\n" ? unit : `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * Text from a hostile source (a key, a kind, a message of the database), fit to be printed on one line of a terminal.
 * Each unsafe UTF-16 unit becomes `\uXXXX`, and a backslash `\\`.
 *
 * @example escapeText("a\u001b[31mb") === "a\\u001b[31mb"
 */
export function escapeText(text: string): string {
  return text.replaceAll(UNSAFE_ON_TERMINALS, (unit) =>
    unit === "\\" ? "\\\\" : `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
