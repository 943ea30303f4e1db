import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatSeconds, formatTime, parseSeconds, parseTime } from "../src/index.ts";
import { codeOf } from "./code-of.ts";
import { type Negative, vectors } from "./vectors.ts";

const FIRST = 946_684_800_000_000n;
const LAST = 253_402_300_799_999_999n;

describe("times", () => {
  it.each((vectors("negative/time") as { cases: (Negative & { text: string })[] }).cases)(
    "refuses $name with $code",
    ({ text, code }) => {
      expect(codeOf(() => parseTime(text))).toBe(code);
    },
  );

  it("keeps every microsecond between the years 2000 and 9999", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: FIRST, max: LAST }), (micros) => {
        const text = formatTime(micros);
        expect(parseTime(text)).toBe(micros);
        expect(new Date(text).getTime()).toBe(Number(micros / 1000n));
        const seconds = formatSeconds(micros / 1_000_000n);
        expect(seconds).toBe(`${text.slice(0, 19)}Z`);
        expect(parseSeconds(seconds)).toBe(micros / 1_000_000n);
      }),
    );
  });

  it("writes the first and the last time, and no other beyond them", () => {
    expect(formatTime(FIRST)).toBe("2000-01-01T00:00:00.000000Z");
    expect(formatTime(LAST)).toBe("9999-12-31T23:59:59.999999Z");
    for (const micros of [FIRST - 1n, LAST + 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n)]) {
      expect(codeOf(() => formatTime(micros))).toBe("time_range");
    }
    for (const seconds of [FIRST / 1_000_000n - 1n, LAST / 1_000_000n + 1n, 2n ** 63n - 1n]) {
      expect(codeOf(() => formatSeconds(seconds))).toBe("time_range");
    }
  });

  it("still refuses a bad day after a good one, and a bad time on a good day", () => {
    parseTime("2026-02-28T00:00:00.000000Z");
    expect(codeOf(() => parseTime("2026-02-29T00:00:00.000000Z"))).toBe("time_malformed");
    expect(codeOf(() => parseTime("2026-02-28T24:00:00.000000Z"))).toBe("time_malformed");
    expect(codeOf(() => parseSeconds("2026-02-28T00:00:60Z"))).toBe("time_malformed");
    expect(codeOf(() => parseSeconds("2026-02-28T00:00:00.0Z"))).toBe("time_malformed");
  });
});
