// Heads with statements between them, in files: what is read of them, and how sinks stand to each other.
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  emptyFrontier,
  generateKeyFile,
  GENESIS_PREV_HASH,
  headTrust,
  nextLogDigest,
  EMPTY_LOG_DIGEST,
  parseKeyFile,
  parseStatementLine,
  type RecordedAnew,
  signHead,
  signStatement,
} from "@scidex/audit-core";
import { openSink } from "@scidex/audit-sinks";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  EMPTY_STATE,
  type Finding,
  newestHeadBefore,
  readPublishedHeads,
  type VerifierState,
} from "../../src/index.ts";

const ORIGIN = "example.org/log";
const { text, vkeys } = generateKeyFile(ORIGIN);
const keys = parseKeyFile(text);
const trust = headTrust(vkeys, ORIGIN);
const START = 1_777_381_200n;

const LINK = { seq: 1n, chainHash: GENESIS_PREV_HASH };
const leaf = {
  ...LINK,
  eventKind: "thing",
  eventPk: "1",
  payloadHash: GENESIS_PREV_HASH,
  beforeHash: null,
  appendedAt: "2026-01-01T00:00:00.000000Z",
};

/** The head of one link, signed that many seconds after the start. */
const head = (after: bigint): string => signHead({ keys, leaf, before: emptyFrontier, time: START + after });

const RECORDED: RecordedAnew = {
  type: "recorded_anew",
  origin: ORIGIN,
  systemIdentifier: null,
  database: "app",
  kind: "orders",
  configuration: LINK,
  last: LINK,
  head: null,
  compared: 1,
  notCompared: 0,
  changesNotCompared: 0,
};
const statement = (after: bigint, changed: Partial<RecordedAnew> = {}, by = keys): string =>
  signStatement({ keys: by, statement: { ...RECORDED, ...changed }, time: START + after });

/** A file with these lines. */
function fileOf(lines: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "audit-reader-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "head.log");
  writeFileSync(path, lines.map((line) => `${line}\n`).join(""));
  return path;
}

async function readFiles(paths: readonly string[], state: VerifierState = EMPTY_STATE) {
  const found: Finding[] = [];
  const sinks = paths.map((path) => openSink(`file:${path}`));
  const published = await readPublishedHeads(sinks, trust, state, (finding) => found.push(finding));
  return { found, checks: found.map(({ check }) => check), ...published };
}

const read = async (...logs: readonly (readonly string[])[]) => await readFiles(logs.map(fileOf));

describe("statements in a head log", () => {
  it("are read among heads, and count as lines", async () => {
    const lines = [head(0n), statement(1n), statement(1n, { kind: "other" }), head(1n), statement(9n), head(10n)];
    const { found, statements, heads, known, newestTime, names } = await read(lines);
    expect(found).toEqual([]);
    expect(statements.map(({ kind, signedTime }) => [kind, signedTime - START])).toEqual([
      ["orders", 1n],
      ["other", 1n],
      ["orders", 9n],
    ]);
    expect(statements[0]).toEqual(parseStatementLine(lines[1] ?? "", trust));
    expect(heads.map(({ seq }) => seq)).toEqual([1n]);
    expect(names.size).toBe(3);
    expect(newestTime).toBe(START + 10n);
    expect([...known.values()]).toEqual([{ lines: 6, digest: lines.reduce(nextLogDigest, EMPTY_LOG_DIGEST) }]);
  });

  it("may be the first line, the last one, and all that there is", async () => {
    const { found, statements, heads, newestTime } = await read([statement(0n)]);
    expect(found).toEqual([]);
    expect([statements.length, heads.length, newestTime]).toEqual([1, 0, null]);
    expect((await read([statement(0n), head(0n), statement(0n, { compared: 2 })])).found).toEqual([]);
  });

  it("are given once however many sinks have them, in the order of time and then of the last link", async () => {
    const far = { last: { seq: 7n, chainHash: GENESIS_PREV_HASH } };
    const lines = [head(0n), statement(5n, far), statement(5n), statement(6n)];
    const { statements, found, warnings } = await read(lines, lines, lines.slice(0, 2));
    expect(found).toEqual([]);
    expect(warnings).toEqual([expect.stringMatching(/^sink_behind: .* has 2 publications less/u)]);
    expect(statements.map(({ signedTime, last }) => [signedTime - START, last.seq])).toEqual([
      [5n, 1n],
      [5n, 7n],
      [6n, 1n],
    ]);
  });

  it("of other keys, of another log, or edited are findings, and not given", async () => {
    const evil = parseKeyFile(generateKeyFile(ORIGIN).text);
    const other = parseKeyFile(generateKeyFile("example.org/other").text);
    const forged = [
      statement(1n, {}, evil),
      statement(1n, { origin: "example.org/other" }, other),
      statement(1n).replace(String.raw`\"compared\":1`, String.raw`\"compared\":2`),
      '{"statement":',
      '{"statement":null}',
    ];
    for (const line of forged) {
      const { checks, statements, found } = await read([head(0n), line, head(2n)]);
      expect(checks).toEqual(["sink_signature"]);
      expect(found[0]?.message).toContain("is not a statement that the publisher signed");
      expect(statements).toEqual([]);
    }
  });

  it("that are older than the line before them were put there again, and so were heads behind a younger one", async () => {
    const again = [statement(1n), head(2n), statement(1n)];
    const { found, statements } = await read(again);
    expect(found).toEqual([
      {
        check: "sink_signature",
        expected: "not before 2026-04-28T13:00:02Z",
        actual: "2026-04-28T13:00:01Z",
        message: expect.stringMatching(/line 3 .* is a genuine statement, but older than the line before it/u),
      },
    ]);
    expect(statements).toHaveLength(1);
    expect((await read([statement(2n), statement(1n)])).checks).toEqual(["sink_signature"]);
    const behind = await read([head(0n), statement(5n), head(0n)]);
    expect(behind.found).toMatchObject([
      {
        check: "sink_signature",
        actual: "2026-04-28T13:00:00Z and seq 1",
        message: expect.stringContaining("genuine head"),
      },
    ]);
  });
});

describe("sinks with statements", () => {
  const lines = [head(0n), statement(1n), head(2n), head(3n)];

  it.each<[string, (lines: string[]) => string[]]>([
    ["lacks one before heads that it has", (all) => all.toSpliced(1, 1)],
    ["has another one", (all) => all.with(1, statement(1n, { compared: 2 }))],
    ["has one more", (all) => all.toSpliced(2, 0, statement(1n, { compared: 2 }))],
    ["has a head in its place", (all) => all.with(1, head(1n))],
    ["has it at another place", (all) => all.with(1, head(2n)).with(2, statement(2n))],
  ])("disagree where one of them %s", async (_, change) => {
    const { found } = await read(lines, change([...lines]));
    expect(found).toMatchObject([
      { check: "sink_disagreement", message: expect.stringContaining("different stories") },
    ]);
    expect(found[0]?.message).toMatch(/from their publication [23] on/u);
  });

  it("are told apart by what stands there", async () => {
    const { found } = await read(lines.slice(0, 3), [...lines].toSpliced(1, 1, head(1n)));
    expect(found).toMatchObject([
      {
        expected: "seq 1 published at 2026-04-28T13:00:01Z",
        actual: 'a statement about "orders" signed at 2026-04-28T13:00:01Z',
      },
    ]);
  });

  it("only lag behind where one of them ends before it", async () => {
    const { found, warnings } = await read(lines.slice(0, 2), lines.slice(0, 1));
    expect(found).toEqual([]);
    expect(warnings).toEqual([expect.stringMatching(/^sink_behind: .* has 1 publication less/u)]);
  });

  it("are known by all their lines: one that loses a statement was cut back or changed", async () => {
    const path = fileOf(lines.slice(0, 2));
    const { known } = await readFiles([path]);
    const state: VerifierState = { ...EMPTY_STATE, sinks: known };
    expect((await readFiles([path], state)).found).toEqual([]);
    appendFileSync(path, `${statement(1n, { kind: "other" })}\n`);
    expect((await readFiles([path], state)).found).toEqual([]);
    writeFileSync(path, `${lines[0]}\n`);
    expect((await readFiles([path], state)).checks).toEqual(["sink_rewound"]);
    writeFileSync(path, `${lines[0]}\n${lines[2]}\n${lines[3]}\n`);
    expect((await readFiles([path], state)).checks).toEqual(["sink_rewound"]);
  });

  it("give the newest head before a time, whatever stands between", async () => {
    const before = async (after: bigint) => {
      const sinks = [openSink(`file:${fileOf([...lines, ...Array<string>(70).fill(statement(4n))])}`)];
      const newest = await newestHeadBefore(sinks, trust, START + after);
      return newest && newest.signedTime - START;
    };
    expect(await before(1n)).toBe(0n);
    expect(await before(99n)).toBe(3n);
    expect(await before(-1n)).toBeUndefined();
  });
});
