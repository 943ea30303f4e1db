import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { headTrust } from "@scidex/audit-core";
import { EMPTY_STATE, type Finding, readPublishedHeads } from "@scidex/audit-reader";
import { openSink } from "@scidex/audit-sinks";
import { describe, expect, it } from "vitest";
import { type Log, linesOf, openLog, ORIGIN, recompute } from "../log.ts";
import { killPublisher } from "./kill-publisher.ts";

interface Tiled {
  readonly log: Log;
  readonly folder: string;
  /** A file and tiles. */
  readonly sinks: readonly [string, string];
}

async function openTiled(): Promise<Tiled> {
  const log = await openLog();
  const folder = join(log.folder, "tiles");
  mkdirSync(folder);
  return { log, folder, sinks: [log.sinks[0], `tiles:${folder}`] };
}

/** What the verifier finds in the sinks, with every tile and leaf looked at. */
async function findingsIn({ log, sinks }: Tiled): Promise<Finding[]> {
  const found: Finding[] = [];
  const trust = headTrust(log.vkeys, ORIGIN);
  const logs = sinks.map((url) => openSink(url));
  const { doubts, warnings } = await readPublishedHeads(logs, trust, EMPTY_STATE, (one) => found.push(one), "whole");
  expect([...doubts, ...warnings]).toEqual([]);
  return found;
}

const addRows = async ({ sql }: Log, from: number, to: number): Promise<void> => {
  await sql`select public.audit_chain_enqueue('thing', k::text, sha256(k::text::bytea)) from generate_series(${from}::int, ${to}::int) k`;
};

describe("publishing into tiles", () => {
  it("writes the whole tree beside the lines of every sink", async () => {
    const tiled = await openTiled();
    const { log, folder, sinks } = tiled;
    for (const [from, to] of [
      [1, 3],
      [4, 600],
      [601, 601],
    ] as const) {
      await addRows(log, from, to);
      expect(await log.publish({ sinks })).toMatchObject({ status: "intact", published: { seq: BigInt(to) } });
      expect(await findingsIn(tiled)).toEqual([]);
    }
    expect(readFileSync(join(folder, "checkpoint"), "utf8")).toContain(`${ORIGIN}\n601\n`);
    expect(linesOf(join(folder, "chain_head.log"))).toEqual(linesOf(log.paths[0]));
    expect(readFileSync(join(folder, "tile/entries/000"), "utf8")).toContain('"event_pk":"256"');
  });

  it("fills a folder that was added later from another sink's lines and the chain", async () => {
    const tiled = await openTiled();
    const { log, folder, sinks } = tiled;
    for (const last of [300, 301, 520]) {
      await addRows(log, last === 300 ? 1 : last === 301 ? 301 : 302, last);
      await log.publish({ sinks: [sinks[0]] });
    }
    expect(await log.publish({ sinks })).toMatchObject({ status: "intact" });
    expect(await findingsIn(tiled)).toEqual([]);
    expect(linesOf(join(folder, "chain_head.log"))).toEqual(linesOf(log.paths[0]));
  });

  it("fills nothing from a chain that was rewritten, and says so", async () => {
    const { log, folder, sinks } = await openTiled();
    await addRows(log, 1, 300);
    await log.publish({ sinks: [sinks[0]] });
    // The last link is as it was signed, so that what the chain has gained since looks well.
    await log.attack(`create temp table kept as select * from public.audit_chain where seq = 300;
      update public.audit_chain set payload_hash = sha256('forged') where seq = 17; ${recompute(17)};
      delete from public.audit_chain where seq = 300; insert into public.audit_chain select * from kept`);
    const { status, sinks: after } = await log.publish({ sinks });
    expect([status, after.map((sink) => sink.status)]).toEqual(["unproven", ["ok", "behind"]]);
    expect(after[1]?.message).toContain("do not lead to the root that was signed for 300");
    expect(await openSink(`tiles:${folder}`).files?.read("checkpoint")).toBeUndefined();
  });

  it("leaves valid tiles and every line exactly once, however often it is killed", async () => {
    const tiled = await openTiled();
    const { log, folder, sinks } = tiled;
    await addRows(log, 1, 250);
    const said: unknown[] = [];
    for (let kill = 0; kill < 12; kill += 1) {
      said.push(...(await killPublisher(log, sinks)));
    }
    expect(said).toEqual([]);
    expect(await log.publish({ sinks })).toMatchObject({ status: "intact" });
    expect(await findingsIn(tiled)).toEqual([]);
    const lines = linesOf(join(folder, "chain_head.log"));
    expect(lines).toEqual(linesOf(log.paths[0]));
    expect(new Set(lines).size).toBe(lines.length);
  }, 240_000);
});
