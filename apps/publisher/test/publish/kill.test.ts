import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { EMPTY_LOG_DIGEST, nextLogDigest } from "@scidex/audit-core";
import { parseState } from "../../src/state/state.ts";
import { gitRemote, linesOf, openLog } from "../log.ts";
import { killPublisher } from "./kill-publisher.ts";

const KILLS = 40;

describe("a publisher that is killed", () => {
  it(`leaves every head in every sink exactly once when it is started again (${KILLS} times, file and git)`, async () => {
    const log = await openLog();
    const { remote, url } = gitRemote(log.folder);
    const sinks = [log.sinks[0], url];
    const said: unknown[] = [];
    const seen = new Set<string>();
    for (let kill = 0; kill < KILLS; kill += 1) {
      said.push(...(await killPublisher(log, sinks)));
      const { log: at, sinks: records } = parseState(readFileSync(log.stateFile, "utf8"), log.stateFile);
      seen.add(
        Object.values(records)
          .map(({ lines, outbox }) => `${at.lines - lines}/${outbox.length}`)
          .join(" "),
      );
    }
    expect(said).toEqual([]);

    await log.append("last");
    expect(await log.publish({ sinks })).toMatchObject({ status: "intact" });
    const lines = linesOf(log.paths[0]);
    expect(execFileSync("git", ["-C", remote, "show", "main:head.log"], { encoding: "utf8" })).toBe(
      readFileSync(log.paths[0], "utf8"),
    );
    const state = parseState(readFileSync(log.stateFile, "utf8"), log.stateFile);
    expect(state.log).toEqual({ lines: lines.length, digest: lines.reduce(nextLogDigest, EMPTY_LOG_DIGEST) });
    expect(new Set(lines).size).toBe(lines.length);
    expect(log.heads()).toHaveLength(lines.length);
    expect(lines.length).toBeGreaterThan(KILLS / 4);
    // It was killed with nothing under way, and between the signing and the noting of a delivery.
    expect(seen.size).toBeGreaterThan(1);
  }, 240_000);
});
