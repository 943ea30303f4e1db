/** A log with an ML-DSA-44 key beside its Ed25519 keys (docs/threats.md, D15). */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { headTrust, parseHeadLine, parseKeyFile, parseVerifierKey, signHead } from "@scidex/audit-core";
import { describe, expect, it } from "vitest";
import { parseState } from "../../src/state/state.ts";
import { begin, following, found, look } from "../begin/begun.ts";
import { linesOf, type Log, openLog, ORIGIN } from "../log.ts";
import { pinning, rotate } from "./rotated.ts";

async function published(): Promise<Log> {
  const log = await openLog({ postQuantum: true });
  await log.append("a", "b");
  await log.publish();
  return log;
}

/** The log for whoever has no verifier key of that kind. */
const weak = (log: Log): Log => ({ ...log, vkeys: log.vkeys.filter((vkey) => parseVerifierKey(vkey).type !== 6) });

const editLast = (log: Log, change: (line: string) => string): void => {
  for (const path of log.paths) {
    const lines = linesOf(path);
    writeFileSync(path, `${[...lines.slice(0, -1), change(lines.at(-1) ?? "")].join("\n")}\n`);
  }
};

describe("a log with an ML-DSA-44 key", () => {
  it("is intact by all its keys, and by the others alone", async () => {
    const log = await published();
    expect(log.vkeys.map((vkey) => parseVerifierKey(vkey).type)).toEqual([1, 4, 6]);
    for (const one of [log, weak(log)])
      expect((await look(one, null)).report).toMatchObject({ status: "intact", anchoredTo: 2n });
  });

  it("finds D15: that key's signature is taken from a head, which who does not have it cannot see", async () => {
    const log = await published();
    editLast(log, (line) => {
      const checkpoint = parseHeadLine(line, headTrust(log.vkeys, ORIGIN)).checkpoint.split("\n");
      return line.replace(JSON.stringify(`${checkpoint.at(-2)}\n`).slice(1, -1), "");
    });
    expect(found(await look(log, null))).toContain("sink_signature");
    expect(found(await look(weak(log), null))).toEqual([]);
  });

  it("gets all three replaced, and is intact by one policy for both kinds of verifiers", async () => {
    const log = await published();
    const rotated = await rotate(log);
    expect([rotated.retired.length, rotated.keys.length]).toEqual([3, 3]);
    await log.append("c");
    expect(await log.publish()).toMatchObject({ status: "intact", published: { seq: 3n } });
    const policy = pinning({ ...rotated, retired: rotated.retired.slice(0, 2) });
    for (const one of [rotated.log, weak(rotated.log)])
      expect((await look(one, policy)).report).toMatchObject({ status: "intact", warnings: [], anchoredTo: 3n });
  });

  it("has a head found that is signed by its new Ed25519 keys and the ML-DSA-44 key from before", async () => {
    const { log, old } = await rotate(await published());
    await log.append("c");
    await log.publish();
    const current = parseKeyFile(readFileSync(log.keyFile, "utf8"));
    editLast(log, (line) => {
      const { leaf, seq, proof, signedTime } = parseHeadLine(line, headTrust(log.vkeys, ORIGIN));
      const keys = { ...current, postQuantum: old.postQuantum };
      return signHead({ keys, leaf, before: { size: seq - 1n, hashes: proof.toReversed() }, time: signedTime });
    });
    expect(found(await look(log, null))).toContain("retired_key");
  });

  it("gets its state back from the sinks, with all the keys that signed before", async () => {
    const { log } = await rotate(await published());
    await log.publish();
    const before = parseState(readFileSync(log.stateFile, "utf8"), "");
    rmSync(log.stateFile);
    expect(await log.publish({ recoverState: true, vkeys: log.vkeys })).toMatchObject({ status: "intact" });
    expect(parseState(readFileSync(log.stateFile, "utf8"), "").replaced).toEqual(before.replaced);
  });

  it("begins another one that has such a key, also where the key file is lost", async () => {
    const log = await published();
    const begun = await begin(log);
    expect(begun.beginning.keys.map((vkey) => parseVerifierKey(vkey).type)).toEqual([1, 4, 6]);
    await log.append("c");
    expect(await log.publish()).toMatchObject({ status: "intact" });
    expect((await look(log, following(begun))).report).toMatchObject({ status: "intact", anchoredTo: 4n });
    const lost = await published();
    rmSync(lost.keyFile);
    const again = await begin(lost, { origin: ORIGIN, vkeys: lost.vkeys });
    expect(again.beginning.keys).toHaveLength(3);
  });
});

describe("a log without one", () => {
  it("gets it with another log in its place", async () => {
    const log = await openLog();
    await log.append("a");
    await log.publish();
    const begun = await begin(log, { postQuantum: true });
    await log.append("b");
    expect(await log.publish()).toMatchObject({ status: "intact" });
    expect(begun.beginning.keys).toHaveLength(3);
    expect((await look(log, following(begun))).report).toMatchObject({ status: "intact", anchoredTo: 3n });
  });
});
