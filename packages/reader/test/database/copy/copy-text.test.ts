import { describe, expect, it } from "vitest";
import { TextCopyDecoder } from "../../../src/index.ts";

describe("text COPY", () => {
  it("gives the same rows wherever it is cut", () => {
    const bytes = Buffer.from("a\\tb\té𝄞\t\\N\n\\\\N\t\t\\b\\f\\n\\r\\v\n");
    const rows = [
      ["a\tb", "é𝄞", null],
      ["\\N", "", "\b\f\n\r\v"],
    ];
    for (let a = 0; a <= bytes.length; a++) {
      for (let b = a; b <= bytes.length; b++) {
        const decoder = new TextCopyDecoder();
        const got: (string | null)[][] = [];
        for (const part of [bytes.subarray(0, a), bytes.subarray(a, b), bytes.subarray(b)])
          decoder.push(part, (row) => got.push(row));
        expect(got).toEqual(rows);
        expect(decoder.ended).toBe(true);
      }
    }
  });
});
