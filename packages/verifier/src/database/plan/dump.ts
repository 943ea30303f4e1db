import { type Node, NodeTextError, parseNodeText } from "./node-text.ts";

/** A dump has lines of this many bytes (LINELEN in print.c). */
const LINE_BYTES = 78;

/**
 * The tree in a dump as `format_node_dump` cuts it into lines: at the last space of each 78 bytes, which is left out, or
 * behind them. Where there is no space the line is cut in the middle of a token, and nothing in the text says so: a name
 * with many brackets could pass for structure there. Such a dump is refused; an honest one has it only where a column has a
 * name of more than 38 brackets and backslashes.
 *
 * @throws NodeTextError
 */
export function parseDump(dump: string): Node {
  const lines = dump.split("\n");
  for (const line of lines) {
    // Bytes as the client sees them: in other encodings of the server they are fewer, so that more is refused there.
    if (!line.includes(" ", 1) && Buffer.byteLength(line) >= LINE_BYTES)
      throw new NodeTextError("a name in it is too long to be read for certain");
  }
  return parseNodeText(lines.join(" "));
}
