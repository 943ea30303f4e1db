import {
  emptyFrontier,
  generateKeyFile,
  GENESIS_PREV_HASH,
  headTrust,
  type Leaf,
  parseKeyFile,
  type Seconds,
  signHead,
} from "@scidex/audit-core";
import { SinkError } from "@scidex/audit-sinks";
import { describe, expect, it } from "vitest";
import { type HeadLog, newestHeadBefore } from "../../src/index.ts";

const { text, vkeys } = generateKeyFile("example.org/log");
const keys = parseKeyFile(text);
const trust = headTrust(vkeys, keys.origin);

const leaf: Leaf = {
  seq: 1n,
  eventKind: "thing",
  eventPk: "1",
  payloadHash: GENESIS_PREV_HASH,
  beforeHash: null,
  chainHash: GENESIS_PREV_HASH,
  appendedAt: "2026-01-01T00:00:00.000000Z",
};
const START: Seconds = 1_777_381_200n;

/** The head of one link, signed that many seconds after the first. */
const signed = (after: bigint): string => signHead({ keys, leaf, before: emptyFrontier, time: START + after });

const logOf = (lines: readonly string[], failure?: Error): HeadLog => ({
  name: "a log",
  async *read() {
    for (const [at, line] of lines.entries()) yield { number: at + 1, text: line, defect: null };
    if (failure !== undefined) throw failure;
  },
});

const before = async (logs: readonly HeadLog[], after: bigint): Promise<Seconds | undefined> => {
  const head = await newestHeadBefore(logs, trust, START + after);
  return head && head.signedTime - START;
};

describe("the newest head before a time", () => {
  it("is the last that was signed by then, in any of the logs", async () => {
    const logs = [logOf([signed(0n), signed(20n)]), logOf([signed(0n), signed(10n), signed(20n)])];
    expect(await before(logs, 10n)).toBe(10n);
    expect(await before(logs, 19n)).toBe(10n);
    expect(await before(logs, 99n)).toBe(20n);
  });

  it("is not there where all are younger, or there is none", async () => {
    expect(await before([logOf([signed(10n)])], 9n)).toBeUndefined();
    expect(await before([logOf([]), logOf(["not a head"])], 9n)).toBeUndefined();
    expect(await before([], 9n)).toBeUndefined();
  });

  it("is none whose time nobody has signed", async () => {
    const line = signed(20n);
    const forged = line.replace(/"published_at":"[^"]*"/, '"published_at":"2020-01-01T00:00:00Z"');
    expect(forged).not.toBe(line);
    expect(await before([logOf([signed(0n), line, forged])], 10n)).toBe(0n);
    expect(await before([logOf([line, forged])], 10n)).toBeUndefined();
  });

  it("is looked for as far as a log can be read", async () => {
    const logs = [logOf([signed(0n)], new SinkError("folder_missing", "gone"))];
    expect(await before(logs, 10n)).toBe(0n);
    await expect(before([logOf([signed(0n)], new Error("ours"))], 10n)).rejects.toThrow("ours");
  });
});
