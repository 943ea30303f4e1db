import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isSignedByEnded, headTrust } from "@scidex/audit-core";
import { linesOf, ORIGIN, openLog, recompute } from "../log.ts";
import { begin, following, found, look, restore } from "./begun.ts";

describe("a log that has begun in the place of another", () => {
  it("goes on over links with a false time, which nothing else was signed over, and over those alone", async () => {
    const log = await openLog();
    await log.append("a");
    await log.publish();
    await log.append("b");
    // The server's clock was 400 days ahead.
    await log.attack("update public.audit_chain set appended_at = appended_at + interval '400 days' where seq = 2");
    await log.attack(recompute(2));
    await log.append("c");
    await expect(log.publish()).rejects.toMatchObject({
      code: "clock",
      message: expect.stringContaining("audit-publisher begin") as string,
    });
    expect(found(await look(log, null))).toEqual(["time_implausible"]);

    const begun = await begin(log, { reason: "the clock was wrong" });
    expect(begun.beginning).toMatchObject({ misdated: [{ from: 2n, to: 2n }], fits: { seq: 1n } });
    await log.append("d");
    expect(await log.publish()).toMatchObject({ status: "intact" });
    for (const plain of [false, true])
      expect((await look(log, following(begun), { plain })).report).toMatchObject({
        status: "intact",
        earlierLogs: [{ lost: null, misdated: [{ fromSeq: 2n, toSeq: 2n }] }],
      });
    // Not for another link.
    await log.attack("update public.audit_chain set appended_at = appended_at + interval '400 days' where seq = 3");
    await log.attack(recompute(3));
    for (const plain of [false, true])
      expect(found(await look(log, following(begun), { plain }))).toContain("time_implausible");
  });

  it("knows the false time where its head ends with that link", async () => {
    const log = await openLog();
    await log.append("a");
    await log.publish();
    await log.append("b");
    await log.attack("update public.audit_chain set appended_at = appended_at + interval '400 days' where seq = 2");
    await log.attack(recompute(2));
    const begun = await begin(log);
    await log.append("d");
    expect(await log.publish()).toMatchObject({ status: "intact" });
    expect((await look(log, following(begun))).report).toMatchObject({ status: "intact" });
  });

  it("can end in its turn, also after what had been lost before", async () => {
    const log = await openLog();
    await log.append("a", "b");
    await log.publish();
    await log.append("c", "d");
    await log.publish();
    await restore(log, 2);
    const second = await begin(log);
    await log.append("e", "f");
    await log.publish();
    await restore(log, 2);
    const third = await begin(log, { reason: "again" });
    expect(third.beginning).toMatchObject({ origin: `${ORIGIN}/3`, ended: { origin: `${ORIGIN}/2` }, fits: null });
    await log.append("g");
    expect(await log.publish()).toMatchObject({ status: "intact" });
    const seen = await look(log, following(second, third));
    expect(seen.report).toMatchObject({
      status: "intact",
      earlierLogs: [
        { origin: ORIGIN, lost: { fromSeq: 3n } },
        { origin: `${ORIGIN}/2`, lost: { fromSeq: 1n } },
      ],
    });
    // One of the two is not enough.
    expect((await look(log, following(second))).report.status).toBe("tampered");
    expect((await look(log, following(third))).report.status).toBe("tampered");
  });

  it("begins without the key file, which is lost, and is not signed by it then", async () => {
    const log = await openLog();
    await log.append("a");
    await log.publish();
    rmSync(log.keyFile);
    rmSync(log.stateFile);
    await expect(begin(log)).rejects.toMatchObject({ code: "configuration" });
    const begun = await begin(log, { origin: ORIGIN, vkeys: log.vkeys, reason: "the key is lost" });
    expect(isSignedByEnded(begun.beginning, headTrust(log.vkeys, ORIGIN))).toBe(false);
    await log.append("b");
    expect(await log.publish()).toMatchObject({ status: "intact" });
    expect((await look(log, following(begun))).report).toMatchObject({
      status: "intact",
      earlierLogs: [{ lost: null }],
    });
  });

  it("is signed by the ended log's key where that is there, which signs nothing any more", async () => {
    const log = await openLog();
    await log.append("a");
    await log.publish();
    const { beginning, keyFile } = await begin(log);
    expect(isSignedByEnded(beginning, headTrust(log.vkeys, ORIGIN))).toBe(true);
    expect(existsSync(keyFile)).toBe(true);
    rmSync(keyFile);
    await expect(log.publish()).rejects.toMatchObject({ code: "state_outdated" });
  });

  it("has its lost state rebuilt from sinks that begin with another log's lines", async () => {
    const log = await openLog();
    await log.append("a");
    await log.publish();
    const { keyFile, beginning } = await begin(log);
    const state = `${keyFile}.state`;
    const before = readFileSync(state, "utf8");
    rmSync(state);
    await expect(log.publish()).rejects.toMatchObject({ code: "state_missing" });
    expect(await log.publish({ recoverState: true })).toMatchObject({ status: "intact" });
    const { begun } = JSON.parse(before) as { begun: object };
    // By what the ended log's lines are read, only the lost state knew.
    expect(JSON.parse(readFileSync(state, "utf8"))).toMatchObject({ begun: { ...begun, since: null } });
    expect((await look(log, following({ beginning }))).report.status).toBe("intact");
  });

  it("keeps its tree in a folder of its own beside the ended one's", async () => {
    const log = await openLog();
    const folder = `${log.folder}/tiles`;
    mkdirSync(folder);
    const sinks = [log.sinks[0], `tiles:${folder}`];
    await log.append("a", "b");
    await log.publish({ sinks });
    await log.append("c");
    await log.publish({ sinks });
    await restore(log, 2);
    const shown = readFileSync(`${folder}/checkpoint`, "utf8");
    const begun = await begin(log, { sinks });
    await log.append("d", "e");
    expect(await log.publish({ sinks })).toMatchObject({ status: "intact" });
    expect(readFileSync(`${folder}/checkpoint`, "utf8")).toBe(shown);
    expect(readFileSync(`${folder}/2/checkpoint`, "utf8")).toContain(`${ORIGIN}/2\n5\n`);
    expect((await look(log, following(begun), { sinks })).report).toMatchObject({ status: "intact", divergences: [] });
    rmSync(`${folder}/2/tile`, { recursive: true });
    expect(found(await look(log, following(begun), { sinks }))).toContain("head_mismatch");
  });

  it("does not begin over a damaged link, nor beside a sink that was changed, nor where nothing was published", async () => {
    const log = await openLog();
    await log.append("a");
    await expect(begin(log)).rejects.toMatchObject({ code: "begin" });
    await log.append("b", "c");
    await log.publish();
    await log.attack("delete from public.audit_chain where seq = 2");
    await expect(begin(log)).rejects.toMatchObject({
      code: "begin",
      message: expect.stringMatching(/link 2.*gap/u) as string,
    });
    expect(existsSync(`${log.keyFile}.2`)).toBe(false);
    expect(linesOf(log.paths[0])).toHaveLength(1);
  });
});
