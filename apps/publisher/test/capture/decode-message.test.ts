import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { decodeMessage } from "../../src/capture/pgoutput/decode-message.ts";
import { lsnText, parseLsn } from "../../src/capture/pgoutput/lsn.ts";
import type { Message } from "../../src/capture/pgoutput/message.ts";
import { PublisherError } from "../../src/errors.ts";

interface Recorded {
  readonly server: string;
  readonly hex: string;
  readonly type: string;
}

/** Messages of real servers, with what an independent decoder says that they are (vectors/README.md). */
const recorded = JSON.parse(
  readFileSync(new URL("../../../../vectors/pgoutput.json", import.meta.url), "utf8"),
) as readonly Recorded[];

/** As the vectors write it. */
const written = (message: Message): unknown =>
  JSON.parse(
    JSON.stringify(message, (name, value: unknown) =>
      typeof value === "bigint" ? (name.endsWith("Lsn") ? lsnText(value) : String(value)) : value,
    ).replaceAll("undefined", ""),
  );

/** An array's `undefined` would become null in JSON. */
const marked = (message: Message): Message =>
  "after" in message || "before" in message
    ? (Object.fromEntries(
        Object.entries(message).map(([name, value]: [string, unknown]) => [name, markedRow(value)]),
      ) as unknown as Message)
    : message;

function markedRow(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((text: unknown) => (text === undefined ? { unchanged: true } : text));
  if (typeof value === "object" && value !== null && "row" in value) return { ...value, row: markedRow(value.row) };
  return value;
}

describe.each([...new Set(recorded.map(({ server }) => server))])("what PostgreSQL %s sends", (major) => {
  const messages = recorded.filter(({ server }) => server === major);

  test("is decoded to what it says", () => {
    for (const { hex, server: _, ...said } of messages)
      expect(written(marked(decodeMessage(Buffer.from(hex, "hex"))))).toEqual(said);
    expect(new Set(messages.map(({ type }) => type))).toEqual(
      new Set("begin commit relation insert update delete truncate".split(" ")),
    );
  });

  test("has no prefix and no extension that can be read", () => {
    for (const { hex } of messages) {
      const bytes = Buffer.from(hex, "hex");
      for (let length = 0; length < Math.min(bytes.length, 200); length++)
        expect(codeOf(bytes.subarray(0, length)), `${hex} cut to ${length} bytes`).toBe("stream");
      expect(codeOf(Buffer.concat([bytes, Buffer.of(0)])), `${hex}, and a byte`).toBe("stream");
    }
  });
});

function codeOf(bytes: Buffer): string {
  try {
    decodeMessage(bytes);
    return "decoded";
  } catch (error) {
    if (error instanceof PublisherError) return error.code;
    throw error;
  }
}

test.each([
  ["a text of 4 GB", "49 00000001 4e 0001 74 ffffffff 61"],
  ["65,535 columns", "49 00000001 4e ffff 6e"],
  ["4 billion truncated relations", "54 ffffffff 00 00000001"],
  ["a relation of 65,535 columns", "52 00000001 70 00 72 00 64 ffff"],
  ["a name without an end", "52 00000001 70"],
  ["a text that is not UTF-8", "49 00000001 4e 0001 74 00000001 ff"],
  ["half of a surrogate pair as UTF-8", "49 00000001 4e 0001 74 00000003 eda080"],
  ["a binary value", "49 00000001 4e 0001 62 00000001 61"],
  ["a form of value that there is not", "49 00000001 4e 0001 7a"],
  ["a deletion of nothing", "44 00000001 4e 0000"],
  ["a row that is none", "49 00000001 4b 0000"],
  ["a part of a transaction that has not been committed, as in version 2", "53 00000001 01"],
  ["nothing", ""],
])("%s is refused, and no room made for it", (_, hex) => {
  const before = process.memoryUsage().arrayBuffers;
  expect(codeOf(Buffer.from(hex.replaceAll(" ", ""), "hex"))).toBe("stream");
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1e7);
});

test("the replacement character itself is a text like any other", () => {
  const bytes = Buffer.from("49000000014e00017400000003efbfbd", "hex");
  expect(decodeMessage(bytes)).toEqual({ type: "insert", relation: 1, after: ["\uFFFD"] });
});

test("positions are written and read as PostgreSQL does", () => {
  for (const text of ["0/0", "0/16B3748", "16/B374D848", "FFFFFFFF/FFFFFFFF"]) {
    const lsn = parseLsn(text);
    expect(lsn === undefined ? undefined : lsnText(lsn)).toBe(text);
  }
  expect(parseLsn("0/0/0") ?? parseLsn("") ?? parseLsn("g/1") ?? parseLsn("123456789/1")).toBeUndefined();
});
