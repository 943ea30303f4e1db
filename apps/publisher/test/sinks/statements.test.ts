// A log with statements between its heads: delivered, copied, recovered, and judged like one of heads alone.
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  EMPTY_LOG_DIGEST,
  generateKeyFile,
  isStatementLine,
  nextLogDigest,
  parseKeyFile,
  signStatement,
} from "@scidex/audit-core";
import { describe, expect, it } from "vitest";
import { formatState, parseState, type State } from "../../src/state/state.ts";
import { linesOf, type Log, openLog, ORIGIN, recordedAnew } from "../log.ts";

const write = (path: string, lines: readonly string[]): void =>
  writeFileSync(path, lines.map((line) => `${line}\n`).join(""));
const stateOf = (log: Log): State => parseState(readFileSync(log.stateFile, "utf8"), log.stateFile);
const kinds = (path: string): string =>
  linesOf(path)
    .map((line) => (isStatementLine(line) ? "s" : "h"))
    .join("");

/** Two heads in two sinks with a statement between them. */
async function stated(): Promise<Log> {
  const log = await openLog();
  await log.append("1");
  await log.publish();
  log.state();
  await log.append("2");
  expect(await log.publish()).toMatchObject({ status: "intact", published: { seq: 2n } });
  return log;
}

describe("a statement between two heads", () => {
  it("that was signed and not delivered reaches every sink with the next publication, exactly once", async () => {
    const log = await openLog();
    await log.append("1");
    await log.publish();
    const line = log.state();
    expect(stateOf(log).head).toBe(linesOf(log.paths[0])[0]);
    await log.append("2");
    expect(await log.publish()).toMatchObject({
      status: "intact",
      published: { seq: 2n },
      sinks: [
        { status: "ok", lines: 3 },
        { status: "ok", lines: 3 },
      ],
    });
    const lines = linesOf(log.paths[0]);
    expect(lines[1]).toBe(line);
    expect(linesOf(log.paths[1])).toEqual(lines);
    expect(kinds(log.paths[0])).toBe("hsh");
    expect(stateOf(log)).toMatchObject({
      log: { lines: 3, digest: lines.reduce(nextLogDigest, EMPTY_LOG_DIGEST) },
      head: lines[2],
    });
    await log.append("3");
    expect(await log.publish()).toMatchObject({ status: "intact", published: { seq: 3n } });
    expect(kinds(log.paths[1])).toBe("hshh");
  });

  it("may have reached a sink before the publisher was killed, and one of them only", async () => {
    const log = await stated();
    const lines = [log.state(1), log.state(2)];
    for (const line of lines) appendFileSync(log.paths[0], `${line}\n`);
    appendFileSync(log.paths[1], `${lines[0]}\n`);
    expect(await log.publish()).toMatchObject({ status: "intact", published: { seq: 2n } });
    expect(linesOf(log.paths[0])).toEqual(linesOf(log.paths[1]));
    expect(kinds(log.paths[0])).toMatch(/^hshssh?$/u);
    expect(new Set(linesOf(log.paths[0])).size).toBe(linesOf(log.paths[0]).length);
  });

  it("may stand before the first head, also while there is none", async () => {
    const log = await openLog();
    log.state();
    expect(await log.publish()).toMatchObject({ status: "intact", published: null });
    expect(kinds(log.paths[0])).toBe("s");
    expect(await log.publish()).toMatchObject({ status: "intact", published: null });
    await log.append("1");
    expect(await log.publish()).toMatchObject({ status: "intact", published: { seq: 1n } });
    expect(kinds(log.paths[1])).toBe("sh");
    // A state without its head is not excused by that.
    writeFileSync(log.stateFile, formatState({ ...stateOf(log), head: null }));
    await expect(log.publish()).rejects.toMatchObject({ code: "state_invalid" });
  });

  it("that is torn is written again", async () => {
    const log = await stated();
    log.state(2);
    await log.publish();
    const whole = linesOf(log.paths[0]);
    const at = whole.findLastIndex(isStatementLine);
    // Cut within the statement: what follows it went with it.
    const torn = stateOf(log);
    const record = torn.sinks[log.sinks[0]];
    if (record === undefined) throw new Error("no record");
    write(log.paths[0], whole.slice(0, at));
    appendFileSync(log.paths[0], whole[at]?.slice(0, 50) ?? "");
    const before = whole.slice(0, at).reduce(nextLogDigest, EMPTY_LOG_DIGEST);
    const known = { lines: at + 1, last: whole[at] ?? "", before, digest: nextLogDigest(before, whole[at] ?? "") };
    const outbox = whole.slice(at + 1);
    writeFileSync(
      log.stateFile,
      formatState({ ...torn, sinks: { ...torn.sinks, [log.sinks[0]]: { ...known, outbox } } }),
    );
    const result = await log.publish();
    expect(result).toMatchObject({
      status: "intact",
      warnings: expect.arrayContaining([expect.stringContaining("torn")]),
    });
    expect(linesOf(log.paths[0])).toEqual(linesOf(log.paths[1]));
  });

  it("is copied to a sink that is added", async () => {
    const log = await stated();
    const path = join(log.folder, "c.log");
    write(path, linesOf(log.paths[0]).slice(0, 2));
    const sinks = [...log.sinks, `file:${path}`];
    await log.append("3");
    expect(await log.publish({ sinks })).toMatchObject({ status: "intact" });
    expect(linesOf(path)).toEqual(linesOf(log.paths[0]));
    expect(kinds(path)).toBe("hshh");
    // One that has the heads alone tells another story.
    write(
      path,
      linesOf(log.paths[0]).filter((line) => !isStatementLine(line)),
    );
    writeFileSync(
      log.stateFile,
      formatState({ ...stateOf(log), sinks: Object.fromEntries(Object.entries(stateOf(log).sinks).slice(0, 2)) }),
    );
    expect(await log.publish({ sinks })).toMatchObject({
      status: "tampered",
      firstDivergence: { check: "sink_disagreement", sink: `file:${path}` },
    });
  });

  it.each([0, 1])(
    "is recovered into a state that was lost, with %i statements behind the last head",
    async (behind) => {
      const log = await stated();
      for (let n = 0; n < behind; n++) {
        const line = log.state(7);
        for (const path of log.paths) appendFileSync(path, `${line}\n`);
      }
      const lines = linesOf(log.paths[0]);
      write(log.paths[1], lines.slice(0, 2));
      rmSync(log.stateFile);
      await log.append("3");
      expect(await log.publish({ recoverState: true })).toMatchObject({ status: "intact", published: { seq: 3n } });
      expect(linesOf(log.paths[0]).slice(0, -1)).toEqual(lines);
      expect(linesOf(log.paths[1])).toEqual(linesOf(log.paths[0]));
      expect(stateOf(log)).toMatchObject({ log: { lines: lines.length + 1 }, head: linesOf(log.paths[0]).at(-1) });
    },
  );

  it("is not recovered where it is forged, or stands behind what was signed later", async () => {
    const log = await stated();
    const lines = linesOf(log.paths[0]);
    const later = log.state(2, 600n);
    rmSync(log.stateFile);
    for (const wrong of [
      lines.with(1, lines[1]?.replace(String.raw`\"compared\":1`, String.raw`\"compared\":2`) ?? ""),
      lines.with(1, later),
      [...lines, later, lines[1] ?? ""],
      [...lines, later, lines[2] ?? ""],
    ]) {
      for (const path of log.paths) write(path, wrong);
      await expect(log.publish({ recoverState: true })).rejects.toMatchObject({ code: "recovery" });
    }
  });

  it("keeps an earlier time from being signed, like a head", async () => {
    const log = await stated();
    log.state(2, 600n);
    await expect(log.publish()).rejects.toMatchObject({
      code: "clock",
      message: expect.stringContaining("a statement was signed at"),
    });
  });
});

describe("a sink with statements that was tampered with", () => {
  const forged = (origin: string, log: Log): string => {
    const keys = parseKeyFile(generateKeyFile(origin).text);
    const [head] = log.heads().slice(-1);
    const statement = { ...recordedAnew(head, 1), origin };
    return signStatement({ keys, statement, time: (head?.signedTime ?? 0n) + 1n });
  };

  it.each<[string, (lines: string[], log: Log) => string[], string]>([
    ["the statement is removed", (lines) => lines.toSpliced(1, 1), "sink_rewound"],
    ["it is cut back to the statement", (lines) => lines.slice(0, 2), "sink_rewound"],
    ["the statement is edited", (lines) => lines.with(1, lines[1]?.replace("thing", "other") ?? ""), "sink_signature"],
    ["a statement signed with another key is added", (lines, log) => [...lines, forged(ORIGIN, log)], "sink_signature"],
    ["one of another log", (lines, log) => [...lines, forged("example.org/other", log)], "sink_signature"],
    ["a line that begins like one", (lines) => [...lines, '{"statement":"x"}'], "sink_signature"],
    ["the statement is put there again", (lines) => [...lines, lines[1] ?? ""], "sink_disagreement"],
    ["it changes places", (lines) => [lines[1] ?? "", lines[0] ?? "", ...lines.slice(2)], "sink_disagreement"],
    ["a head is put behind it again", (lines) => lines.toSpliced(2, 0, lines[0] ?? ""), "sink_disagreement"],
  ])("stops the publisher: %s", async (_, change, check) => {
    const log = await stated();
    write(log.paths[0], change(linesOf(log.paths[0]), log));
    const state = readFileSync(log.stateFile, "utf8");
    expect(await log.publish()).toMatchObject({
      status: "tampered",
      published: null,
      firstDivergence: { check, sink: log.sinks[0] },
      sinks: [{ status: "tampered" }, { status: "ok" }],
    });
    expect(readFileSync(log.stateFile, "utf8")).toBe(state);
  });

  it("names how long the chain was where the last line that it lost is a statement", async () => {
    const log = await stated();
    const line = log.state(2);
    // Delivered with nothing behind it: the run after has nothing else to note.
    for (const path of log.paths) appendFileSync(path, `${line}\n`);
    const sinks = Object.entries(stateOf(log).sinks).map(([name, { digest, lines }]) => [
      name,
      { lines: lines + 1, digest: nextLogDigest(digest, line), last: line, before: digest, outbox: [] },
    ]);
    writeFileSync(log.stateFile, formatState({ ...stateOf(log), sinks: Object.fromEntries(sinks) as State["sinks"] }));
    write(log.paths[0], linesOf(log.paths[0]).slice(0, 2));
    expect(await log.publish()).toMatchObject({
      status: "tampered",
      firstDivergence: { check: "sink_rewound", seq: 2n, expected: "4 lines", actual: "2 lines" },
    });
  });

  it.each([0n, 1n])("is newer than an older copy of the state by a statement, %i s after its head", async (after) => {
    const log = await stated();
    const old = readFileSync(log.stateFile);
    const line = log.state(2, after);
    for (const path of log.paths) appendFileSync(path, `${line}\n`);
    writeFileSync(log.stateFile, old);
    await expect(log.publish()).rejects.toMatchObject({
      code: "state_outdated",
      message: expect.stringContaining('holds a statement about "thing", signed with this key at'),
    });
  });

  it("is newer than an older copy of the state by a head behind a statement", async () => {
    const log = await openLog();
    await log.append("1");
    await log.publish();
    const old = readFileSync(log.stateFile);
    log.state();
    await log.append("2");
    await log.publish();
    writeFileSync(log.stateFile, old);
    await expect(log.publish()).rejects.toMatchObject({
      code: "state_outdated",
      message: expect.stringContaining("holds a head of 2 links"),
    });
  });
});
