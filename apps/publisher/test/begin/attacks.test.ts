import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { generateKeyFile, parseBeginningLine, parseKeyFile, signBeginning, signHead } from "@scidex/audit-core";
import { afterLine, LOG_START } from "@scidex/audit-reader";
import { describe, expect, it } from "vitest";
import { linesOf, type Log, openLog } from "../log.ts";
import { begin, following, found, look, restore } from "./begun.ts";

/** A log with five published links, of which an attacker has cut off two. */
async function openCut(): Promise<Log> {
  const log = await openLog();
  await log.append("a", "b", "c");
  await log.publish();
  await log.append("d", "e");
  await log.publish();
  await restore(log, 3);
  return log;
}

/** A beginning by keys of somebody else's, and their head of the chain as it is. */
function forge(log: Log, path: string): { lines: string[]; beginning: ReturnType<typeof parseBeginningLine> } {
  const lines = linesOf(path);
  const origin = "example.org/audit-chain/2";
  const { text, vkeys } = generateKeyFile(origin);
  const keys = parseKeyFile(text);
  const end = lines.reduce(afterLine, LOG_START);
  const [first, last] = log.heads(path);
  if (first === undefined || last === undefined) throw new Error("two heads expected");
  const time = last.signedTime;
  const line = signBeginning({
    keys,
    earlier: undefined,
    time,
    begun: {
      type: "begun",
      origin,
      systemIdentifier: null,
      database: "app",
      reason: "nothing to see here",
      keys: vkeys,
      ended: { origin: "example.org/audit-chain", head: last, lines: end.lines, digest: end.digest },
      fits: first,
      misdated: [],
    },
  });
  const before = { size: first.seq - 1n, hashes: first.proof.toReversed() };
  const head = signHead({ keys, leaf: first.leaf, before, time });
  return { lines: [line, head], beginning: parseBeginningLine(line) };
}

describe("whoever pretends that a log has ended", () => {
  it("gains nothing with a beginning that the policy does not have, however genuine it is", async () => {
    const log = await openCut();
    await begin(log);
    await log.append("f");
    await log.publish();
    const seen = await look(log, null);
    expect(seen.report).toMatchObject({ status: "tampered", earlierLogs: [] });
    // The cut as before, and in each sink one line that is not followed; those after it are passed over.
    expect(found(seen).toSorted()).toEqual(["head_mismatch", "sink_signature", "sink_signature"]);
    const message = seen.report.divergences.find(({ check }) => check === "sink_signature")?.message;
    expect(message).toMatch(/begins another log, "example\.org\/audit-chain\/2".*policy --diff/u);
    expect(message).not.toContain("without the signature");
  });

  it("gains nothing with one that he forges in every sink, and it is said that the log has not signed it", async () => {
    const log = await openCut();
    for (const path of log.paths) appendFileSync(path, `${forge(log, path).lines.join("\n")}\n`);
    const seen = await look(log, null);
    expect(found(seen)).toContain("truncated");
    expect(found(seen)).toContain("sink_signature");
    expect(seen.report.divergences.map(({ message }) => message).join()).toContain("without the signature of the log");
    expect(await log.publish()).toMatchObject({ status: "tampered", published: null });
  });

  it("is found where he forges another one into one sink beside the one that is followed", async () => {
    const log = await openCut();
    const old = readFileSync(log.paths[1], "utf8");
    const forged = forge(log, log.paths[1]).lines;
    const begun = await begin(log);
    writeFileSync(log.paths[1], `${old}${forged.join("\n")}\n`);
    const seen = await look(log, following(begun));
    expect(found(seen)).toContain("sink_signature");
    expect(seen.report.status).toBe("tampered");
    expect(await log.publish()).toMatchObject({ status: "tampered", published: null });
  });

  it("is found where he takes the beginning out of every sink, which brings the ended log back", async () => {
    const log = await openLog();
    await log.append("a", "b");
    await log.publish();
    const old = readFileSync(log.paths[0], "utf8");
    const begun = await begin(log);
    for (const path of log.paths) writeFileSync(path, old);
    const seen = await look(log, following(begun));
    expect(found(seen)).toContain("sink_rewound");
    expect(await log.publish()).toMatchObject({ status: "tampered", published: null });
  });

  it("is found where he changes a line of the log that has ended, without anybody's memory", async () => {
    const log = await openLog();
    await log.append("a", "b");
    await log.publish();
    await log.append("c");
    await log.publish();
    const begun = await begin(log);
    for (const path of log.paths) writeFileSync(path, `${linesOf(path).slice(1).join("\n")}\n`);
    const seen = await look(log, following(begun));
    expect(found(seen)).toContain("sink_signature");
    expect(seen.report.divergences[0]?.message).toContain("are not those of the log that it has ended");
  });

  it("is found where he rewrites what the new log has published", async () => {
    const log = await openCut();
    const begun = await begin(log);
    await log.append("f");
    await log.publish();
    await restore(log, 3);
    expect(found(await look(log, following(begun)))).toEqual(["truncated"]);
    await log.append("g", "h");
    expect(found(await look(log, following(begun)))).toContain("head_mismatch");
  });

  it("cannot use it for links that the ended log had and the chain is said to fit", async () => {
    const log = await openLog();
    await log.append("a", "b", "c");
    await log.publish();
    const begun = await begin(log);
    await log.append("d");
    await log.publish();
    await log.attack("update public.audit_chain set event_pk = 'other' where seq = 2");
    const seen = await look(log, following(begun));
    expect(seen.report.firstDivergence).toMatchObject({ check: "event_hash", seq: 2n });
    expect(found(seen)).toContain("head_mismatch");
  });
});
