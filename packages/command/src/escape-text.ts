import { escapeText } from "@scidex/audit-core";

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
