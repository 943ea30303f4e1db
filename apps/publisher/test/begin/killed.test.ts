import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseBeginningLine } from "@scidex/audit-core";
import { describe, expect, it } from "vitest";
import { stateFileOf } from "../../src/index.ts";
import { formatState, parseState, type State } from "../../src/state/state.ts";
import { killOnce } from "../kill-once.ts";
import { linesOf, openLog } from "../log.ts";
import { begin, following, look, restore } from "./begun.ts";

const stateOf = (keyFile: string): State => parseState(readFileSync(stateFileOf(keyFile), "utf8"), keyFile);

const PROGRAM = fileURLToPath(new URL("begin-once.ts", import.meta.url));
const KILLS = 12;

describe("a begin that is killed", () => {
  it(`has done nothing, or goes on, whenever it was (${KILLS} times)`, async () => {
    const log = await openLog();
    await log.append("a", "b");
    await log.publish();
    await log.append("c");
    await log.publish();
    await restore(log, 2);
    const seen = new Set<string>();
    const said: unknown[] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      said.push(...(await killOnce(PROGRAM, log, 20 + kill * 40)));
      if (existsSync(`${log.keyFile}.2`)) break;
      // The ended log's publisher does what it did: it refuses.
      seen.add(`${linesOf(log.paths[0]).length} lines, ${(await log.publish()).status}`);
    }
    expect(said).toEqual([]);
    // Killed after its last write, it has nothing to go on with: to begin once more would begin a third log.
    const wentOn = existsSync(`${log.keyFile}.2`);
    const isDone = log.paths.every((path) => linesOf(path).length === 4);
    const { status } = isDone ? await log.publish() : (await begin(log)).result;
    expect(status).toBe("intact");
    // The old lines, the beginning, and a head: each once, everywhere.
    const lines = linesOf(log.paths[0]).slice(0, 4);
    expect(linesOf(log.paths[1]).slice(0, 4)).toEqual(lines);
    const beginning = parseBeginningLine(lines[2] ?? "");
    expect(beginning).toMatchObject({ origin: "example.org/audit-chain/2" });
    expect(beginning.reason).toBe(wentOn ? "killed" : "restored the backup of Saturday");
    expect((await look(log, following({ beginning }))).report).toMatchObject({ status: "intact" });
    expect([...seen]).toEqual(["2 lines, tampered"]);
  }, 240_000);

  it("goes on where it had signed its first head, and had brought nothing to a sink", async () => {
    const log = await openLog();
    await log.append("a");
    await log.publish();
    const [before, ended] = [log.paths.map((path) => readFileSync(path)), stateOf(log.keyFile)];
    const first = await begin(log);
    const after = stateOf(first.keyFile);
    const lines = linesOf(log.paths[0]).slice(1);
    expect(lines).toHaveLength(2);
    for (const [i, path] of log.paths.entries()) writeFileSync(path, before[i] ?? "");
    const sinks = Object.fromEntries(
      Object.entries(ended.sinks).map(([name, record]) => [name, { ...record, outbox: lines }]),
    );
    writeFileSync(stateFileOf(first.keyFile), formatState({ ...after, sinks }));
    const again = await begin(log);
    expect(again).toMatchObject({ wentOn: true, keyFile: first.keyFile, result: { status: "intact" } });
    for (const path of log.paths) expect(linesOf(path).slice(1, 3)).toEqual(lines);
    expect((await look(log, following(first))).report).toMatchObject({ status: "intact" });
  });

  it("is taken up by the next publication, too", async () => {
    const log = await openLog();
    await log.append("a");
    await log.publish();
    // The sinks cannot be written to, as where it was killed just before it came to them.
    const stuck = await begin(log, { sinks: [log.sinks[0]] });
    expect(linesOf(log.paths[1])).toHaveLength(1);
    await log.append("b");
    expect(await log.publish()).toMatchObject({ status: "intact" });
    expect(linesOf(log.paths[1])).toEqual(linesOf(log.paths[0]));
    expect((await look(log, following(stuck))).report).toMatchObject({ status: "intact" });
  });
});
