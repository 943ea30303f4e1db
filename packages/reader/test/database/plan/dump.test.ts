import { array, assert, constantFrom, property } from "fast-check";
import { describe, expect, test } from "vitest";
import { parseDump } from "../../../src/database/plan/dump.ts";
import { NodeTextError, parseNodeText } from "../../../src/database/plan/node-text.ts";

/** `outToken` of outfuncs.c, for a quoted string. */
const outToken = (name: string): string => `"${name.replaceAll(/[ \n\t(){}\\]/gu, String.raw`\$&`)}"`;

/** `format_node_dump` of print.c, byte by byte. */
function wrap(text: string): string {
  const dump = Buffer.from(text);
  const lines: Buffer[] = [];
  for (let at = 0; at < dump.length;) {
    let end = Math.min(at + 78, dump.length);
    if (end === dump.length) {
      lines.push(dump.subarray(at, end));
      break;
    }
    let next = end;
    if (dump[end] === 0x20) next = end + 1;
    else {
      const space = dump.subarray(at, end).lastIndexOf(0x20);
      if (space > 0) [end, next] = [at + space, at + space + 1];
    }
    lines.push(dump.subarray(at, end));
    at = next;
  }
  return lines.map((line) => `${line.toString()}\n`).join("");
}

/** A plan as the server dumps it: names stand before what tells which relation is read. */
const planOf = (names: readonly string[]): string =>
  `{PLANNEDSTMT :commandType 1 :planTree {SEQSCAN :targetlist ({VAR :varno 1 :varattno 2}) :scanrelid 1} :rtable ({RANGETBLENTRY :eref {ALIAS :aliasname t :colnames (${names.map(outToken).join(" ")})} :rtekind 0 :relid 16385 :relkind r}) :relationOids (o 16385)}`;

/** A name cut to the 63 bytes that PostgreSQL keeps. */
const cut = (name: string): string => {
  let short = name;
  while (Buffer.byteLength(short) > 63) short = Array.from(short).slice(0, -1).join("");
  return short;
};

/** The tree of a text without its line ends, which a cut line makes spaces of: names are nobody's concern. */
const treeOf = (text: string) =>
  JSON.stringify(parseNodeText(text), (_, value: unknown) =>
    value instanceof Map
      ? [...(value as Map<string, unknown>)]
      : typeof value === "string"
        ? value.replaceAll("\n", " ")
        : value,
  );

/** The tree, or `refused`. */
function read(names: readonly string[], encoding = "UTF8"): string {
  try {
    const tree = parseDump(wrap(planOf(names)), encoding);
    return JSON.stringify(tree, (_, value: unknown) =>
      value instanceof Map ? [...(value as Map<string, unknown>)] : value,
    );
  } catch (error) {
    if (error instanceof NodeTextError) return "refused";
    throw error;
  }
}

describe("a dump", () => {
  test.each([
    ["spaces", " ".repeat(30)],
    ["spaces among letters", "Order Date (net) "],
    ["quotes", '"'.repeat(63)],
    ["letters", "x".repeat(63)],
    ["letters of two bytes", "é".repeat(31)],
    ["letters of four bytes", "𝄞".repeat(15)],
    ["36 brackets", "(".repeat(36)],
    ["a line end", "a\nb"],
    ["two line ends", "a\nb\nc"],
  ])("is read where columns have names of %s", (_, name) => {
    // Wherever the lines are cut.
    for (let before = 0; before < 80; before++)
      for (const names of [
        ["x".repeat(before % 60), name],
        [name, name, name],
      ])
        expect(read(names), String(before)).toBe(treeOf(planOf(names)));
  });

  test("is refused where a name may have been cut in the middle", () => {
    expect(read(["(".repeat(63)])).toBe("refused");
    expect(read(["\\".repeat(63)])).toBe("refused");
    expect(read(["\n".repeat(63)])).toBe("refused");
    expect(read([`${"(".repeat(40)}é`])).toBe("refused");
  });

  test("is refused where a line end hides that a name was cut", () => {
    // The line is cut before the last bracket, which then stands there without its backslash's being seen.
    for (let at = 0; at < 62; at++) {
      const name = cut(`${"(".repeat(at)}\n${"(".repeat(62)}`);
      expect(["refused", treeOf(planOf([name]))]).toContain(read([name]));
    }
  });

  test("never shows another tree than there is, whatever columns are called", () => {
    const letters = constantFrom(
      "a",
      " ",
      "\n",
      "\t",
      "(",
      ")",
      "{",
      "}",
      "\\",
      '"',
      ":",
      "é",
      "𝄞",
      ":relid",
      "1260",
      "\uFFFD",
    );
    const name = array(letters, { minLength: 1, maxLength: 63 }).map((parts) => cut(parts.join("")));
    assert(
      property(array(name, { minLength: 1, maxLength: 12 }), (names) => {
        expect(["refused", treeOf(planOf(names))]).toContain(read(names));
      }),
      { numRuns: 5_000 },
    );
  });

  test("never shows another tree either where names are escaped throughout", () => {
    const letters = constantFrom("(", ")", "{", "}", "\\", "\n", " ", ":");
    const name = array(letters, { minLength: 30, maxLength: 63 }).map((parts) => cut(parts.join("")));
    assert(
      property(array(name, { minLength: 1, maxLength: 6 }), (names) => {
        expect(["refused", treeOf(planOf(names))]).toContain(read(names));
      }),
      { numRuns: 5_000 },
    );
  });

  test("is measured in the server's bytes", () => {
    // Of one byte each in LATIN1, so that 78 of them are a line.
    const line = `{A :b\n${"é".repeat(78)}\n1}\n`;
    expect(() => parseDump(line, "LATIN1")).toThrow(NodeTextError);
    expect(() => parseDump(line, "EUC_TW")).toThrow(NodeTextError);
    expect(() => parseDump(line, "UTF8")).not.toThrow();
  });
});
