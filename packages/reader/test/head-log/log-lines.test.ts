import { EMPTY_LOG_DIGEST, nextLogDigest } from "@scidex/audit-core";
import { describe, expect, it } from "vitest";
import { afterLine, type HeadLogLine, LOG_START, type LogEnd, wholeLines } from "../../src/index.ts";

const logOf = (...lines: [string, HeadLogLine["defect"]][]) => ({
  async *read() {
    for (const [at, [text, defect]] of lines.entries()) yield { number: at + 1, text, defect };
  },
});

async function all<T>(lines: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const line of lines) list.push(line);
  return list;
}

describe("the lines of a head log", () => {
  it("end before a torn one, which is handed out apart", async () => {
    const torn: string[] = [];
    const lines = await all(
      wholeLines(logOf(["a", null], ["b", "too_long"], ["c", "torn"]), (text) => torn.push(text)),
    );
    expect(lines.map(({ text, defect }) => [text, defect])).toEqual([
      ["a", null],
      ["b", "too_long"],
    ]);
    expect(torn).toEqual(["c"]);
  });

  it("come with what they were before the log was converted", async () => {
    const lines = await all(wholeLines(logOf(["\ufeffa\r", null], ["\ufeffb", null], ["c", null])));
    expect(lines.map(({ plain }) => plain)).toEqual(["a", "\ufeffb", "c"]);
    expect(lines.map(({ text }) => text)).toEqual(["\ufeffa\r", "\ufeffb", "c"]);
  });

  it("are remembered by their number, their digest, and the last one", () => {
    const first = nextLogDigest(EMPTY_LOG_DIGEST, "a");
    const expected: LogEnd = { lines: 2, digest: nextLogDigest(first, "b"), last: "b", before: first };
    expect(["a", "b"].reduce(afterLine, LOG_START)).toEqual(expected);
  });
});
