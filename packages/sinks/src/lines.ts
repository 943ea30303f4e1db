import { SinkError } from "./errors.ts";
import { MAX_LINE_BYTES, type SinkLine } from "./sink.ts";

const LINE_FEED = 0x0a;
const EXCERPT_BYTES = 256;

/**
 * Splits a stream of bytes into lines. It never holds more than one chunk and one line of `MAX_LINE_BYTES`, so a
 * hostile log of a gigabyte in one line costs a megabyte of memory. Line feed is the only separator. A carriage return
 * is part of the line, so that a log rewritten with other line ends no longer parses.
 */
export async function* splitLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<SinkLine> {
  let held: Uint8Array[] = [];
  let length = 0;
  let number = 0;
  let end = 0;

  const take = (part: Uint8Array): void => {
    // Past the limit only the length is kept up; the first chunks stay, for the excerpt.
    if (length <= MAX_LINE_BYTES) held.push(part);
    length += part.length;
    end += part.length;
  };
  const finish = (torn: boolean): SinkLine => {
    number += 1;
    const bytes = Buffer.concat(held);
    const tooLong = length > MAX_LINE_BYTES;
    held = [];
    length = 0;
    if (tooLong) return { number, text: excerpt(bytes), end, defect: "too_long" };
    if (torn) return { number, text: excerpt(bytes, MAX_LINE_BYTES), end, defect: "torn" };
    const text = decode(bytes);
    return text === undefined
      ? { number, text: excerpt(bytes), end, defect: "not_utf8" }
      : { number, text, end, defect: null };
  };

  for await (const chunk of chunks) {
    let start = 0;
    for (let at = chunk.indexOf(LINE_FEED); at !== -1; at = chunk.indexOf(LINE_FEED, start)) {
      take(chunk.subarray(start, at));
      end += 1;
      start = at + 1;
      yield finish(false);
    }
    // Copied, because a reader may fill the same buffer again.
    if (start < chunk.length) take(Uint8Array.from(chunk.subarray(start)));
  }
  if (length > 0) yield finish(true);
}

/** The bytes of a batch of lines, each with its line feed. Throws `SinkError` `line_invalid`. */
export function encodeLines(lines: readonly string[]): Buffer {
  for (const line of lines) {
    if (line.length === 0 || line.includes("\n") || Buffer.byteLength(line) > MAX_LINE_BYTES || !line.isWellFormed())
      throw new SinkError(
        "line_invalid",
        `a head line must be 1 to ${MAX_LINE_BYTES} bytes of UTF-8 without a line feed`,
      );
  }
  return Buffer.from(lines.map((line) => `${line}\n`).join(""), "utf8");
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function excerpt(bytes: Uint8Array, limit = EXCERPT_BYTES): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(0, limit));
}
