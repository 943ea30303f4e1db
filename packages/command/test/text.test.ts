import { describe, expect, test } from "vitest";
import { escapeMessage, escapeText, parseDuration, redact, redactUrl } from "../src/index.ts";
import { progress, progressText } from "../src/progress.ts";

describe("redact removes passwords from any text", () => {
  test.each([
    ["postgres://me:hush@db:5432/x", "postgres://me:***@db:5432/x"],
    [
      "cannot reach postgres://me:hush@db/x, nor postgres://you:hush@db/y.",
      "cannot reach postgres://me:***@db/x, nor postgres://you:***@db/y.",
    ],
    ["a://u:hush@h,b://u:hush@g", "a://u:***@h,b://u:***@g"],
    ["postgres://me:hu@sh@db/x", "postgres://me:***@db/x"],
    ["postgres://me:hu/sh?#@db/x", "postgres://me:***@db/x"],
    ["postgres://:hush@db/x", "postgres://:***@db/x"],
    ["postgres://db/x?user=me&password=hush&sslmode=require", "postgres://db/x?user=me&password=***&sslmode=require"],
    ["host=db password='hu sh' user=me", "host=db password=*** user=me"],
    ["https://bucket/?X-Amz-Signature=hush&x=1", "https://bucket/?X-Amz-Signature=***&x=1"],
    ["key PRIVATE+KEY+log+0a0b0c0d+AXNlY3JldA== in file", "key PRIVATE+KEY+*** in file"],
    ["https://witness.example/@scope/x: not found", "https://witness.example/@scope/x: not found"],
    ["user me@example.org: no such table a:b", "user me@example.org: no such table a:b"],
    ["postgres://me@db/x", "postgres://me@db/x"],
  ])("%s", (text, expected) => {
    expect(redact(text)).toBe(expected);
  });

  test("a whole URL may have white space and quotes in its password", () => {
    expect(redactUrl("postgres://me:hu sh\"'@db/x")).toBe("postgres://me:***@db/x");
  });
});

describe("escapeText leaves nothing that acts on a terminal", () => {
  test.each([
    ["plain ÄΩ漢😀 text", "plain ÄΩ漢😀 text"],
    ["\u001b[31mred", "\\u001b[31mred"],
    ["\u0000\u0007\t\n\r\u007f\u0085\u009b", "\\u0000\\u0007\\u0009\\u000a\\u000d\\u007f\\u0085\\u009b"],
    ["\u202egnp.\u2066\u200f\u061c\ufeff", "\\u202egnp.\\u2066\\u200f\\u061c\\ufeff"],
    ["\ud800x\udc00", "\\ud800x\\udc00"],
    ["\\u001b", "\\\\u001b"],
  ])("%j", (text, expected) => {
    expect(escapeText(text)).toBe(expected);
  });

  test("for every UTF-16 unit, what is left is printable, and different for different units", () => {
    const seen = new Set<string>();
    for (let unit = 0; unit <= 0xffff; unit++) {
      const escaped = escapeText(String.fromCharCode(unit));
      expect(/[\p{Cc}\p{Cs}\p{Bidi_Control}\u2028\u2029]/u.test(escaped)).toBe(false);
      seen.add(escaped);
    }
    expect(seen.size).toBe(0x1_0000);
  });

  test("the lines of a message after the first are indented", () => {
    expect(escapeMessage("one\ntwo\u0007\r\nthree\n")).toBe("one\n  two\\u0007\n  three");
  });
});

describe("parseDuration", () => {
  test.each([
    ["90s", 90_000],
    ["15m", 900_000],
    ["24h", 86_400_000],
    ["7d", 604_800_000],
    ["2w", 1_209_600_000],
  ])("%s is %d ms", (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  test.each(["", "0s", "-1h", "1.5h", "24", "h", "1y", "1h30m", "١h", "99999999999d", "constructor"])(
    "%j is refused",
    (text) => {
      expect(() => parseDuration(text)).toThrow(expect.objectContaining({ code: "usage" }));
    },
  );
});

describe("progress", () => {
  test("shows count, share, rate and remaining time", () => {
    expect(progressText({ label: "verify", total: 1_000_000 }, 120_000, 0.5)).toBe(
      "verify: 120,000 of 1,000,000 (12 %), 240,000/s, 4 s left",
    );
    expect(progressText({ label: "backfill", total: 10_000n }, 1, 1)).toBe(
      "backfill: 1 of 10,000 (0 %), 1/s, 2 h 46 min left",
    );
    expect(progressText({ label: "export" }, 5, 0)).toBe("export: 5");
  });

  test("goes to a terminal, and is removed at the end", () => {
    let written = "";
    const stream = { isTTY: true, columns: 20, write: (text: string) => (written += text) };
    const line = progress({ label: "verify", total: 100, stream });
    line.update(1);
    line.done();
    line.done();
    const [, shown, removed] = written.split("\r");
    expect(shown).toBe("verify: 1 of 100 (1\u001b[K");
    expect(removed).toBe("\u001b[K");
  });

  test("writes nothing where there is no terminal", () => {
    let written = "";
    const line = progress({ label: "verify", stream: { write: (text) => (written += text) } });
    line.update(1);
    line.done();
    expect(written).toBe("");
  });
});
