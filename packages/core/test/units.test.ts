import { expect, it } from "vitest";
import { formatSeconds, formatTime, microsOfMillis, microsOfSeconds } from "../src/index.ts";

it("gives seconds and milliseconds as the microseconds of the same moment", () => {
  const moment = 1_777_377_600;
  expect(formatSeconds(BigInt(moment))).toBe("2026-04-28T12:00:00Z");
  expect(formatTime(microsOfSeconds(BigInt(moment)))).toBe("2026-04-28T12:00:00.000000Z");
  expect(formatTime(microsOfMillis(moment * 1000 + 123))).toBe("2026-04-28T12:00:00.123000Z");
});

it("takes no part of a millisecond", () => {
  expect(() => microsOfMillis(0.5)).toThrow(RangeError);
});
