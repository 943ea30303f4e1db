import { describe, expect, it } from "vitest";
import { splitLines } from "../src/lines.ts";
import { MAX_LINE_BYTES, type SinkLine } from "../src/index.ts";

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  const reused = Buffer.alloc(size);
  for (let at = 0; at < bytes.length; at += size) {
    const part = bytes.subarray(at, at + size);
    reused.set(part);
    yield reused.subarray(0, part.length);
  }
}

async function split(bytes: Uint8Array, size: number): Promise<SinkLine[]> {
  const lines: SinkLine[] = [];
  for await (const line of splitLines(inChunks(bytes, size))) lines.push(line);
  return lines;
}

describe("reading lines", () => {
  it("gives the same lines however the bytes are cut into chunks", async () => {
    const bytes = Buffer.from('{"a":"ä"}\n\n{"b":"\u{1F512}"}\r\ntorn ä');
    for (let size = 1; size <= bytes.length + 1; size += 1)
      expect(await split(bytes, size)).toEqual([
        { number: 1, text: '{"a":"ä"}', end: 11, defect: null },
        { number: 2, text: "", end: 12, defect: null },
        { number: 3, text: '{"b":"\u{1F512}"}\r', end: 26, defect: null },
        { number: 4, text: "torn ä", end: bytes.length, defect: "torn" },
      ]);
  });

  it("marks what is not UTF-8", async () => {
    const lines = await split(Buffer.from([0x61, 0xff, 0x0a, 0x62, 0x0a]), 2);
    expect(lines.map(({ defect }) => defect)).toEqual(["not_utf8", null]);
  });

  it("reads a line of the greatest length and marks one that is a byte longer", async () => {
    const bytes = Buffer.alloc(2 * MAX_LINE_BYTES + 3, "x");
    bytes[MAX_LINE_BYTES] = 0x0a;
    bytes[2 * MAX_LINE_BYTES + 2] = 0x0a;
    const lines = await split(bytes, 65_536);
    expect(lines.map(({ text, defect, end }) => [text.length, defect, end])).toEqual([
      [MAX_LINE_BYTES, null, MAX_LINE_BYTES + 1],
      [256, "too_long", 2 * MAX_LINE_BYTES + 3],
    ]);
  });

  it("does not hold a line of a gigabyte in memory", async () => {
    const chunk = Buffer.alloc(1_048_576, "x");
    const gigabyte = async function* gigabyte(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 1_024; i += 1) yield chunk;
      yield Buffer.from("\nnext\n");
    };
    const before = process.memoryUsage().rss;
    let most = 0;
    const seen: (string | null)[] = [];
    for await (const line of splitLines(gigabyte())) {
      seen.push(line.defect ?? line.text);
      most = Math.max(most, process.memoryUsage().rss - before);
    }
    expect(seen).toEqual(["too_long", "next"]);
    expect(most).toBeLessThan(256 * 1_048_576);
  });
});
