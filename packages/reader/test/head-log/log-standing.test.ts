import { EMPTY_LOG_DIGEST, nextLogDigest } from "@scidex/audit-core";
import { describe, expect, it } from "vitest";
import { afterLine, type KnownLog, LOG_START, standingOf } from "../../src/index.ts";

const digestOf = (...lines: string[]): string => lines.reduce(nextLogDigest, EMPTY_LOG_DIGEST);

/** A log that was known to hold `a` and `bcd`. */
const KNOWN: KnownLog = { lines: 2, digest: digestOf("a", "bcd"), last: { line: "bcd", before: digestOf("a") } };

const read = (lines: readonly string[], torn?: string) => {
  const { lines: count, digest } = lines.reduce(afterLine, LOG_START);
  const digestAtKnown = lines.length < KNOWN.lines ? undefined : digestOf(...lines.slice(0, KNOWN.lines));
  return { lines: count, digest, digestAtKnown, torn };
};

describe("a log beside what is known of it", () => {
  it.each([
    ["holds it", read(["a", "bcd"]), "whole"],
    ["holds more", read(["a", "bcd", "e"], "f"), "whole"],
    ["lost the end of the last line", read(["a"], "bc"), "torn"],
    ["lost the end of the last line, to nothing", read(["a"], ""), "torn"],
    ["lacks the last line", read(["a"]), "cut"],
    ["lacks the last line, and has the beginning of another", read(["a"], "x"), "cut"],
    ["lacks all of it", read([]), "cut"],
    ["lost the end of the last line, behind another line", read(["x"], "bc"), "cut"],
    ["has another line", read(["a", "x"]), "changed"],
    ["has another line before", read(["x", "bcd", "e"]), "changed"],
  ])("%s", (_, reading, standing) => {
    expect(standingOf(reading, KNOWN)).toBe(standing);
  });

  it("is cut where it is torn and nobody remembers the line", () => {
    expect(standingOf(read(["a"], "bc"), { lines: 2, digest: KNOWN.digest })).toBe("cut");
  });
});
