import { UNSAFE_ON_TERMINALS } from "@scidex/audit-core";

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
