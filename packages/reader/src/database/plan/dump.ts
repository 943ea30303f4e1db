import { type Node, NodeTextError, parseNodeText } from "./node-text.ts";

/** A dump has lines of this many bytes (LINELEN in print.c). */
const LINE_BYTES = 78;

/**
 * The tree in a dump as `format_node_dump` cuts it into lines: at the last space of each 78 bytes, which is left out,
 * or behind them. Where there is no space the line is cut in the middle of a token, and nothing in the text says so:
 * the rest of a name could pass for structure there. Such a dump is refused.
 *
 * A name may hold line ends itself, so that a line of the dump may be several lines of the text. So each of these that
 * is as long as a line of the dump must have a space. An honest dump fails this only where a column has a name of more
 * than 36 characters that are escaped (spaces, brackets, backslashes).
 *
 * @param encoding the server's, in whose bytes lines are measured
 * @throws {NodeTextError}
 */
export function parseDump(dump: string, encoding: string): Node {
  // What a cut in the middle of a character leaves.
  if (dump.includes("\uFFFD")) throw new NodeTextError("a character in it cannot be read");
  const lines = dump.split("\n");
  // Nearly no dump has a line without a space: then there is nothing to be measured.
  if (lines.every((line, i) => line.includes(" ", 1) || (line === "" && i === lines.length - 1)))
    return parseNodeText(lines.join(" "));
  const lengths = lines.map((line) => lengthOf(line, encoding));
  for (let first = 0; first < lines.length; first++) {
    let [least, most] = [0, 0];
    for (let last = first; last < lines.length && least <= LINE_BYTES; last++) {
      if (lines[last]?.includes(" ", last === first ? 1 : 0) === true) break;
      const [fewest, greatest] = lengths[last] ?? [0, 0];
      const lineEnd = last === first ? 0 : 1;
      [least, most] = [least + lineEnd + fewest, most + lineEnd + greatest];
      if (least <= LINE_BYTES && most >= LINE_BYTES)
        throw new NodeTextError("a name in it is too long to be read for certain");
    }
  }
  return parseNodeText(lines.join(" "));
}

/** The fewest and the most bytes that a text can have in the server's encoding. */
function lengthOf(line: string, encoding: string): readonly [fewest: number, most: number] {
  const bytes = Buffer.byteLength(line);
  if (encoding === "UTF8" || encoding === "SQL_ASCII") return [bytes, bytes];
  const characters = Array.from(line).length;
  // Of the other encodings that a server can have, these have up to four bytes a character.
  if (!/^(?:EUC|MULE|JOHAB)/u.test(encoding)) return [characters, characters];
  const others = line.replaceAll(/[\x00-\x7f]/gu, "").length;
  return [characters, characters + 3 * others];
}
