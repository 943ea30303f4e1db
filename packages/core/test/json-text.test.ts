import { expect, test } from "vitest";
import { jsonText } from "../src/json-text.ts";

const HOSTILE = "a\u001b[31m\u009b\u202e\u200b\u00ad\u2065\ufeff\\u001b\ud800";

test("a terminal gets nothing to act on, and a reader of JSON what was there", () => {
  for (const indent of [0, 2]) {
    const text = jsonText({ [HOSTILE]: [HOSTILE, 1, null] }, indent);
    expect(JSON.parse(text)).toEqual({ [HOSTILE]: [HOSTILE, 1, null] });
    expect(text.replaceAll("\n", "")).toMatch(/^[ -~]*$/u);
  }
});

test("it is on one line unless it is to be indented", () => {
  expect(jsonText({ a: [1] })).toBe('{"a":[1]}');
  expect(jsonText({ a: [1] }, 2)).toBe('{\n  "a": [\n    1\n  ]\n}');
});
