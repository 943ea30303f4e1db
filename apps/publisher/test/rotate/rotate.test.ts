import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseHeadLine, headTrust, parseKeyFile } from "@scidex/audit-core";
import { describe, expect, it } from "vitest";
import { generateKeyFiles } from "../../src/index.ts";
import { nextKeyFile } from "../../src/state/log-keys.ts";
import { parseState } from "../../src/state/state.ts";
import { begin, following, found, look } from "../begin/begun.ts";
import { linesOf, type Log, openLog, ORIGIN } from "../log.ts";
import { pinning, rotate } from "./rotated.ts";

/** A log that has published two links. */
async function published(): Promise<Log> {
  const log = await openLog();
  await log.append("a", "b");
  await log.publish();
  return log;
}

describe("a log whose keys are replaced", () => {
  it("goes on with a head that both have signed, and is intact by the keys of both", async () => {
    const log = await published();
    const tree = `tiles:${join(log.folder, "tree")}`;
    mkdirSync(join(log.folder, "tree"));
    const sinks = [...log.sinks, tree];
    await log.publish({ sinks });
    const rotated = await rotate(log, sinks);
    const [line = ""] = linesOf(log.paths[0]).slice(-1);
    for (const vkeys of [log.vkeys, rotated.keys])
      expect(parseHeadLine(line, headTrust(vkeys, ORIGIN))).toMatchObject({ seq: 2n });
    // The secret halves of the old ones are gone.
    expect(parseKeyFile(readFileSync(log.keyFile, "utf8")).log.vkey).toBe(rotated.keys[0]);
    expect(rotated.retired).toEqual(log.vkeys);
    // As long as nothing is signed by the new ones alone, who does not have them finds nothing.
    expect((await look(log, null, { sinks })).report).toMatchObject({ unproven: [], status: "intact" });

    await log.append("c");
    expect(await log.publish({ sinks })).toMatchObject({ status: "intact", published: { seq: 3n } });
    const both = await look(rotated.log, null, { sinks });
    expect(both.report).toMatchObject({ status: "intact", anchoredTo: 3n });
    expect(both.report.warnings.join()).toContain("policy --diff");
    const pinned = await look(rotated.log, pinning(rotated), { sinks });
    expect(pinned.report).toMatchObject({ status: "intact", warnings: [] });
    const without = await look(log, null, { sinks });
    expect(found(without)).toContain("sink_signature");
    expect(without.report.divergences[0]?.message).toContain("add the new ones to AUDIT_VERIFIER_KEYS");
  });

  it("is replaced again, begins another log, and replaces that one's", async () => {
    const log = await published();
    const once = await rotate(log);
    const twice = await rotate(once.log);
    await log.append("c");
    await log.publish();
    const begun = await begin(twice.log);
    const last = (await rotate(twice.log)).log;
    await log.append("d");
    expect(await log.publish()).toMatchObject({ status: "intact", published: { seq: 5n } });
    const { report } = await look(last, { ...following(begun) });
    expect(report).toMatchObject({ status: "intact", divergences: [] });
    expect(report.earlierLogs).toHaveLength(1);
  });

  it("is refused to the old key file, also with the old state", async () => {
    const log = await published();
    for (const file of [log.keyFile, log.stateFile]) copyFileSync(file, `${file}.old`);
    await rotate(log);
    await log.publish();
    const lines = linesOf(log.paths[0]);
    renameSync(log.keyFile, `${log.keyFile}.new`);
    copyFileSync(`${log.keyFile}.old`, log.keyFile);
    await expect(log.publish()).rejects.toMatchObject({
      code: "state_outdated",
      message: expect.stringContaining("was replaced by") as string,
    });
    renameSync(log.stateFile, `${log.stateFile}.new`);
    copyFileSync(`${log.stateFile}.old`, log.stateFile);
    await expect(log.publish()).rejects.toMatchObject({ code: "state_outdated" });
    expect(linesOf(log.paths[0])).toEqual(lines);
  });

  it("gets its state back from the sinks, with the keys that signed before", async () => {
    const log = await published();
    const { log: after } = await rotate(log);
    await log.publish();
    const before = parseState(readFileSync(log.stateFile, "utf8"), "");
    rmSync(log.stateFile);
    await expect(log.publish({ recoverState: true })).rejects.toMatchObject({ code: "recovery" });
    expect(await log.publish({ recoverState: true, vkeys: after.vkeys })).toMatchObject({ status: "intact" });
    expect(parseState(readFileSync(log.stateFile, "utf8"), "").replaced).toEqual(before.replaced);
  });

  it("has nothing replaced where it has published nothing, or a sink is not as it was", async () => {
    const empty = await openLog();
    await expect(rotate(empty)).rejects.toMatchObject({ code: "configuration" });
    const log = await published();
    const key = readFileSync(log.keyFile, "utf8");
    writeFileSync(log.paths[0], "");
    await expect(rotate(log)).rejects.toThrow("was cut back");
    expect(readFileSync(log.keyFile, "utf8")).toBe(key);
  });

  it("goes on with what a run that was cut off has begun", async () => {
    const log = await published();
    const old = readFileSync(log.keyFile, "utf8");
    const rotated = await rotate(log);
    // As it was between the state and the key file.
    copyFileSync(log.keyFile, nextKeyFile(log.keyFile));
    writeFileSync(log.keyFile, old);
    const again = await rotate(log);
    expect(again.keys).toEqual(rotated.keys);
    expect(await log.publish()).toMatchObject({ status: "intact" });
    expect(parseState(readFileSync(log.stateFile, "utf8"), "").replaced).toHaveLength(1);
  });

  it("tells whoever made a new key by hand what to run, and accuses nobody", async () => {
    const log = await published();
    const out = join(log.folder, "key2");
    await generateKeyFiles({ origin: ORIGIN, out });
    await expect(log.publish({ keyFile: out })).rejects.toMatchObject({
      code: "configuration",
      message: expect.stringContaining("rotate-key") as string,
    });
  });
});
