/** What somebody can do who has a log's old key, after it has been replaced (docs/threats.md, D13). */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  formatCheckpoint,
  type Head,
  headTrust,
  type Leaf,
  parseHeadLine,
  parseKeyFile,
  type PublisherKeys,
  sha256,
  signBeginning,
  signHead,
  signNote,
  signStatement,
} from "@scidex/audit-core";
import { describe, expect, it } from "vitest";
import { generateKeyFiles } from "../../src/index.ts";
import { found, look } from "../begin/begun.ts";
import { linesOf, type Log, openLog, ORIGIN, recordedAnew } from "../log.ts";
import { pinning, rotate, type Rotated } from "./rotated.ts";

/** A log that has published at 2 and 4, has got other keys, and has gone on with them to 5. */
async function rotatedLog(): Promise<Rotated> {
  const log = await openLog();
  await log.append("a", "b");
  await log.publish();
  await log.append("c", "d");
  await log.publish();
  const rotated = await rotate(log);
  await log.append("e");
  await log.publish();
  return rotated;
}

const now = (): bigint => BigInt(Math.floor(Date.now() / 1_000));

/** The line of a head of a tree that ends with another leaf than the one of a line. */
function forged(line: string, keys: PublisherKeys, { log, time = now() }: { log: Log; time?: bigint }): string {
  const { leaf, seq, proof, signedTime } = parseHeadLine(line, headTrust(log.vkeys, ORIGIN));
  const other: Leaf = { ...leaf, payloadHash: sha256("forged") };
  return signHead({
    keys,
    leaf: other,
    before: { size: seq - 1n, hashes: proof.toReversed() },
    time: time || signedTime,
  });
}

const lastHead = (log: Log): Head => parseHeadLine(linesOf(log.paths[0]).at(-1) ?? "", headTrust(log.vkeys, ORIGIN));

const rewrite = (log: Log, change: (lines: string[]) => string[], paths = log.paths): void => {
  for (const path of paths) writeFileSync(path, `${change(linesOf(path)).join("\n")}\n`);
};

describe("with an old key", () => {
  it("a head beyond its last one is found, in one sink and in all of them", async () => {
    const { old, log } = await rotatedLog();
    const line = forged(linesOf(log.paths[0]).at(-1) ?? "", old, { log });
    rewrite(log, (lines) => [...lines, line], [log.paths[0], log.paths[0]]);
    const once = await look(log, null);
    expect(once.report.divergences).toContainEqual(expect.objectContaining({ check: "retired_key" }));
    rewrite(log, (lines) => [...lines.filter((one) => one !== line), line]);
    expect(found(await look(log, null))).toEqual(expect.arrayContaining(["retired_key"]));
    // The publisher finds it, too, and signs nothing.
    const { status, divergences } = await log.publish();
    expect(status).toBe("tampered");
    expect(divergences.map(({ check }) => check)).toEqual(["retired_key", "retired_key"]);
  });

  it("a fork at an older size is found, though the sinks agree on it", async () => {
    const { old, log } = await rotatedLog();
    const fork = forged(linesOf(log.paths[0])[0] ?? "", old, { log, time: 0n });
    rewrite(log, ([, ...lines]) => [fork, ...lines]);
    const { report } = await look(log, null);
    expect(report.divergences).toMatchObject([{ check: "retired_key", toSeq: 2n }]);
    expect(report.anchoredTo).toBe(5n);
  });

  it("a chain that was rewritten is one, and not a fork", async () => {
    const { log } = await rotatedLog();
    await log.attack("update public.audit_chain set event_pk = 'x' where seq = 1");
    const { report } = await look(log, null, { checks: ["heads"] });
    expect(report.divergences).toMatchObject([{ check: "head_mismatch", fromSeq: 1n, toSeq: 2n }]);
  });

  it("going back to before it was replaced is found by the policy", async () => {
    const rotated = await rotatedLog();
    const { old, log } = rotated;
    const back = forged(linesOf(log.paths[0]).at(-1) ?? "", old, { log });
    rewrite(log, (lines) => [...lines.slice(0, 2), back]);
    const checks = found(await look(log, pinning(rotated), { checks: ["heads"] }));
    expect(checks).toContain("retired_key");
    expect(checks).toContain("sink_rewound");
    rewrite(log, (lines) => lines.slice(0, 2));
    expect(found(await look(log, pinning(rotated), { checks: ["heads"] }))).toContain("sink_rewound");
  });

  it("a statement counts for nothing", async () => {
    const { old, log } = await rotatedLog();
    const statement = recordedAnew(lastHead(log), 1);
    const line = signStatement({ keys: old, statement, time: now() });
    rewrite(log, (lines) => [...lines, line]);
    expect(found(await look(log, null))).toEqual(["retired_key", "retired_key"]);
  });

  it("a beginning is not signed by the log that it ends", async () => {
    const { old, log } = await rotatedLog();
    const last = lastHead(log);
    const out = join(log.folder, "other");
    const { vkeys } = await generateKeyFiles({ origin: `${ORIGIN}/2`, out });
    const line = signBeginning({
      keys: parseKeyFile(readFileSync(out, "utf8")),
      earlier: old,
      time: now(),
      begun: {
        type: "begun",
        origin: `${ORIGIN}/2`,
        systemIdentifier: null,
        database: "app",
        reason: "mine",
        keys: [vkeys[0] ?? "", vkeys[1] ?? ""],
        ended: {
          origin: ORIGIN,
          head: { seq: last.seq, chainHash: last.chainHash },
          lines: linesOf(log.paths[0]).length,
          digest: "0".repeat(64),
        },
        fits: null,
        misdated: [],
      },
    });
    rewrite(log, (lines) => [...lines, line]);
    const { report } = await look(log, null);
    expect(report.divergences[0]?.message).toContain("without the signature of the log that it ends");
  });

  it("the checkpoint of a tree is not believed", async () => {
    const log = await openLog();
    const folder = join(log.folder, "tree");
    mkdirSync(folder);
    const sinks = [...log.sinks, `tiles:${folder}`];
    await log.append("a");
    await log.publish({ sinks });
    const { old, log: after } = await rotate(log, sinks);
    await log.append("b");
    await log.publish({ sinks });
    expect(found(await look(after, null, { sinks }))).toEqual([]);
    // Of a tree that is longer than the last head: nothing but the key speaks against it.
    const text = formatCheckpoint({ origin: ORIGIN, size: 3n, root: sha256("forged") });
    writeFileSync(join(folder, "checkpoint"), signNote(text, [old.log, old.timestamp], { time: now() }));
    expect(found(await look(after, null, { sinks }))).toEqual(["sink_signature"]);
  });
});

it("a new key that the old one has not signed is not followed, though it is trusted", async () => {
  const log = await openLog();
  await log.append("a");
  await log.publish();
  const out = join(log.folder, "key2");
  const { vkeys } = await generateKeyFiles({ origin: ORIGIN, out });
  const keys = parseKeyFile(readFileSync(out, "utf8"));
  const both = { ...log, vkeys: [...log.vkeys, ...vkeys] };
  const { leaf, proof } = parseHeadLine(linesOf(log.paths[0])[0] ?? "", headTrust(log.vkeys, ORIGIN));
  const line = signHead({ keys, leaf, before: { size: 0n, hashes: proof }, time: now() });
  rewrite(log, (lines) => [...lines, line]);
  const { report } = await look(both, null);
  expect(report.divergences).toMatchObject([{ check: "sink_signature" }, { check: "sink_signature" }]);
  expect(report.divergences[0]?.message).toContain("no head before it is signed with both");
});
