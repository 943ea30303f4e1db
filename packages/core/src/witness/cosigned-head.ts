import { formatHeadLine, parseHeadParts } from "../head.ts";
import { parseNote } from "../note.ts";

/**
 * The line of a head with more signature lines in its checkpoint: what witnesses have answered. None of its own signatures
 * is touched.
 *
 * @param line of a head, without a newline
 * @param cosignatures signature lines, each with its newline
 * @throws {CoreError} `head_malformed`, `note_malformed`
 */
export function withCosignatures(line: string, cosignatures: readonly string[]): string {
  if (cosignatures.length === 0) return line;
  const parts = parseHeadParts(line);
  const checkpoint = `${parts.checkpoint}${cosignatures.join("")}`;
  parseNote(checkpoint);
  return formatHeadLine({ ...parts, checkpoint });
}
