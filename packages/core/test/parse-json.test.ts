import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson, MAX_JSON_CHARS, MAX_JSON_DEPTH, parseJson } from "../src/index.ts";
import { codeOf } from "./code-of.ts";
import { type Negative, vectors } from "./vectors.ts";

describe("parseJson", () => {
  it.each((vectors("negative/json-text") as { cases: (Negative & { text: string })[] }).cases)(
    "refuses $name with $code",
    ({ text, code }) => {
      expect(codeOf(() => parseJson(text))).toBe(code);
    },
  );

  it("reads what JSON.parse reads, whatever its white space and escapes", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom("", " ", "\t", "\n", 2), (value, space) => {
        const text = JSON.stringify(value, null, space);
        const escaped = text.replaceAll(/[^\u0020-\u007e\n\t]/gu, (character) =>
          Array.from(
            { length: character.length },
            (_, i) => String.raw`\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`,
          ).join(""),
        );
        expect(parseJson(text)).toEqual(JSON.parse(text));
        expect(parseJson(` ${escaped}\r\n`)).toEqual(JSON.parse(text));
      }),
    );
  });

  it("reads back what canonicalJson writes", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        expect(canonicalJson(parseJson(text))).toBe(text);
      }),
    );
  });

  it("refuses or accepts text just as JSON.parse does where no number or name is in question", () => {
    const pieces = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"',
      '"a"',
      '"b"',
      "true",
      "null",
      " ",
      "\\",
      "\\n",
      "1",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 9 }), (parts) => {
        const text = parts.join("");
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        const code = codeOf(() => parseJson(text));
        // JSON.parse takes the last of two members; where the text breaks off later, it says so instead.
        expect(code === "json_duplicate_name" ? "none" : code).toBe(
          valid || code === "json_duplicate_name" ? "none" : "json_syntax",
        );
      }),
      { numRuns: 2000 },
    );
  });

  it("reads numbers whose decimal value a double keeps, in whatever form", () => {
    const same: [string, number][] = [
      ["1.0", 1],
      ["1e2", 100],
      ["100", 100],
      ["0.1", 0.1],
      ["0.10", 0.1],
      ["1E+2", 100],
      ["10e-1", 1],
      ["0.001e3", 1],
      ["-0", -0],
      ["0e999999999999999999999", 0],
      ["0.000", 0],
      ["9007199254740992", 2 ** 53],
      ["9007199254740991.00", 2 ** 53 - 1],
      ["1e23", 1e23],
      ["100000000000000000000000", 1e23],
      ["1.7976931348623157e308", Number.MAX_VALUE],
      ["5e-324", 5e-324],
      [`1${"0".repeat(300)}`, 1e300],
      [`0.${"0".repeat(299)}1`, 1e-300],
    ];
    for (const [text, value] of same) expect(parseJson(text)).toBe(value);
  });

  it("accepts every double in the form in which it is written, and in no form with another value", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(parseJson(String(value))).toBe(value === 0 ? 0 : value);
        expect(parseJson(value.toExponential())).toBe(value === 0 ? 0 : value);
        if (value === 0) return;
        // Twenty-one digits, of which no double has a use for the last.
        const [mantissa = "", exponent = ""] = value.toExponential().split("e");
        const [whole = "", fraction = ""] = mantissa.split(".");
        const longer = `${whole}.${fraction.padEnd(19, "0")}1e${exponent}`;
        expect(codeOf(() => parseJson(longer))).toBe("json_lossy_number");
      }),
    );
  });

  it("takes linear time on a million zeros", () => {
    expect(codeOf(() => parseJson(`1${"0".repeat(1_000_000)}1`))).toBe("json_lossy_number");
    expect(codeOf(() => parseJson(`0.${"0".repeat(1_000_000)}1`))).toBe("json_lossy_number");
    expect(parseJson(`1.${"0".repeat(1_000_000)}`)).toBe(1);
  });

  it("keeps members that have the names of an object's own machinery", () => {
    const value = parseJson('{"__proto__":{"polluted":1},"constructor":2,"hasOwnProperty":3,"toString":4}');
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(canonicalJson(value)).toBe('{"__proto__":{"polluted":1},"constructor":2,"hasOwnProperty":3,"toString":4}');
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });

  it("bounds depth and length", () => {
    const text = "[".repeat(MAX_JSON_DEPTH) + "]".repeat(MAX_JSON_DEPTH);
    expect(codeOf(() => parseJson(text))).toBe("none");
    expect(codeOf(() => parseJson(`[${text}]`))).toBe("json_too_deep");
    expect(codeOf(() => parseJson("[".repeat(1_000_000)))).toBe("json_too_deep");
    expect(codeOf(() => parseJson(" ".repeat(MAX_JSON_CHARS + 1)))).toBe("json_too_long");
  });
});
