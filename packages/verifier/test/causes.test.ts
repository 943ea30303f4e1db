import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { openSink } from "@scidex/audit-sinks";
import { createDatabase } from "@scidex/audit-testkit";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  append,
  type ChainDatabase,
  forge,
  linesOf,
  now,
  openChain,
  recompute,
  verifyAsked,
  writeLines,
} from "./chain-database.ts";
import { mayLag } from "../src/causes.ts";
import { EMPTY_STATE, formatPolicy, formatState, parsePolicy, parseState, type VerifierState } from "../src/index.ts";

/** Whose clock, which database, which copy (docs/threats.md, C22): what is excused, and what is not. */

const HOUR_MS = 3_600_000;

/** Eight links with two publications, and the state after they were found intact. */
async function published(): Promise<ChainDatabase & { readonly state: VerifierState }> {
  const chain = await openChain();
  await append(chain.sql, "thing", "1", "2", "3", "4");
  await chain.publish({ time: now() - 5 });
  await append(chain.sql, "thing", "5", "6", "7", "8");
  await chain.publish();
  const { report, state } = await verifyAsked(chain.sql, chain.asked);
  expect(report.status).toBe("intact");
  return { ...chain, state };
}

describe("the verifier's own clock", () => {
  it("that is behind the newest signed time accuses no link, and is named", async () => {
    const chain = await published();
    await append(chain.sql, "thing", "9");
    const report = await chain.verify({ now: Date.now() - HOUR_MS });
    expect(report).toMatchObject({ status: "unproven", divergences: [], checks: { heads: "unproven", links: "ok" } });
    expect(report.unproven).toMatchObject([expect.stringMatching(/this machine's clock says .* correct the clock/)]);
    expect(await chain.verify()).toMatchObject({ status: "intact" });
  });

  it("hides nothing else while it is", async () => {
    const chain = await published();
    await chain.attack("update public.audit_chain set payload_hash = sha256('x') where seq = 3");
    const behind = { now: Date.now() - HOUR_MS };
    expect((await chain.verify(behind)).firstDivergence).toMatchObject({ check: "event_hash", seq: 3n });
    await chain.attack(recompute(3));
    expect((await chain.verify(behind)).firstDivergence?.check).toBe("head_mismatch");
  });

  it("is right where a link alone claims a time to come (A14), whose message names both causes", async () => {
    const chain = await published();
    await chain.attack(forge("thing", "9", "sha256('9')", "clock_timestamp() + interval '400 days'"));
    await append(chain.sql, "thing", "10", "11");
    const report = await chain.verify();
    expect(report).toMatchObject({
      status: "tampered",
      divergenceCount: 1,
      firstDivergence: { check: "time_implausible", seq: 9n, message: expect.stringContaining("clock was wrong") },
    });
  });

  it("is named where the newest head is old by it: it may be ahead, or the publisher silent", async () => {
    const chain = await published();
    expect((await chain.verify({ now: Date.now() + 48 * HOUR_MS })).firstDivergence).toMatchObject({
      check: "publisher_silent",
      actual: expect.stringMatching(/by the clock here, 20/),
    });
  });
});

describe("a standby that lacks links", () => {
  const SIGNED = 1_790_000_000n;
  const published = {
    heads: [
      { seq: 5n, signedTime: SIGNED - 9_000n },
      { seq: 8n, signedTime: SIGNED },
    ],
  };
  const micros = (seconds: bigint) => (SIGNED + seconds) * 1_000_000n;

  it.each([
    ["has replayed nothing since its start", 7n, null, true],
    ["has not come to the head", 7n, micros(-60n), true],
    ["has come to about the head, and clocks differ", 7n, micros(300n), true],
    ["has replayed what was committed later", 7n, micros(302n), false],
    ["lacks links of an older head already", 5n, micros(-60n), false],
  ])("lags, or was cut: it %s", (_, missing, replayedUntil, lags) => {
    expect(mayLag(missing, published, replayedUntil)).toBe(lags);
  });
});

describe("another database than the one that was published", () => {
  it.each(["an empty chain", "a chain of its own", "no chain at all"])("is one reason, exit 3: %s", async (what) => {
    const chain = await published();
    const other = what === "no chain at all" ? await createDatabase() : await openChain();
    if ("drop" in other) onTestFinished(async () => await other.drop());
    if (what === "a chain of its own") await append(other.sql, "other", "a", "b", "c", "d", "e", "f", "g", "h", "i");
    const options = { ...chain.asked, checks: undefined, state: chain.state };
    const { report } = await verifyAsked(other.sql, options);
    expect(report).toMatchObject({ status: "unproven", divergenceCount: 0, divergences: [], firstDivergence: null });
    expect(report.unproven).toMatchObject([
      expect.stringMatching(/another database .*: "[\w-]+" on the server .*Correct AUDIT_DATABASE_URL/s),
    ]);
  });

  it("is a finding where nothing outside the database says so", async () => {
    const chain = await published();
    const other = await openChain();
    const { report } = await verifyAsked(other.sql, chain.asked);
    expect(report.firstDivergence).toMatchObject({ check: "truncated", seq: 1n });
  });

  it("is not believed of the database that is known: emptied, rewritten or cut there is a finding", async () => {
    const chain = await published();
    const check = async () => (await chain.verify({ state: chain.state })).firstDivergence?.check;
    await chain.attack("delete from public.audit_chain where seq > 6");
    expect(await check()).toBe("truncated");
    await chain.attack("truncate public.audit_chain");
    expect(await check()).toBe("truncated");
    await append(chain.sql, "other", "a", "b", "c", "d", "e", "f", "g", "h");
    expect(await check()).toBe("head_mismatch");
  });

  it("is not believed where a published head fits: a copy elsewhere that was cut is a finding", async () => {
    const chain = await published();
    await chain.attack("delete from public.audit_chain where seq > 6");
    const state = { ...chain.state, server: { systemIdentifier: "1", database: "elsewhere" } };
    expect((await chain.verify({ state })).firstDivergence).toMatchObject({ check: "truncated", seq: 7n });
    await append(chain.sql, "thing", "7", "8");
    expect((await chain.verify({ state })).firstDivergence?.check).toBe("head_mismatch");
  });

  it("is told by the server's identifier too, unless the functions that say it were changed", async () => {
    const chain = await published();
    const { sql, name } = chain;
    await chain.attack("truncate public.audit_chain");
    const state = { ...chain.state, server: { systemIdentifier: "1", database: name } };
    const all = { ...chain.asked, checks: undefined, state };
    expect((await verifyAsked(sql, all)).report).toMatchObject({ status: "unproven", divergences: [] });
    await sql.unsafe(`
      alter function pg_catalog.pg_control_system() rename to pg_control_system_0;
      create function pg_catalog.pg_control_system(out pg_control_version int, out catalog_version_no int, out system_identifier int8, out pg_control_last_modified timestamptz)
        language sql as 'select 1, 1, 2::int8, now()'`);
    const { report } = await verifyAsked(sql, all);
    expect(report.status).toBe("tampered");
    expect(report.divergences.map(({ check }) => check)).toEqual(["catalog_changed"]);
  });

  it("is pinned by what was found intact, and by nothing else", async () => {
    const chain = await published();
    expect(chain.state.server).toMatchObject({
      database: chain.name,
      systemIdentifier: expect.stringMatching(/^\d+$/),
    });
    expect(parseState(formatState(chain.state))).toEqual(chain.state);
    const other = await openChain();
    const options = { ...chain.asked, state: chain.state };
    expect((await verifyAsked(other.sql, options)).state.server).toEqual(chain.state.server);
    await chain.attack("truncate public.audit_chain");
    expect((await verifyAsked(chain.sql, { ...options, state: EMPTY_STATE })).state.server).toBeNull();
  });
});

describe("a sink that was converted", () => {
  const convert = (path: string, how: (text: string) => string) => writeFileSync(path, how(readFileSync(path, "utf8")));

  it.each([
    ["CRLF line ends", (text: string) => text.replaceAll("\n", "\r\n")],
    ["a byte order mark", (text: string) => `\ufeff${text}`],
  ])("is named, and says what it said: %s", async (_, how) => {
    const chain = await published();
    convert(chain.paths[0], how);
    const report = await chain.verify({ state: chain.state });
    expect(report).toMatchObject({ status: "unproven", divergences: [], anchoredTo: 8n });
    expect(report.unproven).toMatchObject([expect.stringMatching(/a\.log was converted: .*dos2unix/)]);
    expect((await verifyAsked(chain.sql, { ...chain.asked, state: chain.state })).state.sinks).toEqual(
      chain.state.sinks,
    );
  });

  it("excuses no line that was changed, removed or put in", async () => {
    const chain = await published();
    const good = readFileSync(chain.paths[0], "utf8");
    const check = async () => (await chain.verify({ state: chain.state })).divergences.map((found) => found.check);
    convert(chain.paths[0], (text) => text.replace('"seq":4', '"seq":5').replaceAll("\n", "\r\n"));
    expect(await check()).toContain("sink_signature");
    writeFileSync(chain.paths[0], good.slice(0, good.indexOf("\n") + 1).replaceAll("\n", "\r\n"));
    expect(await check()).toContain("sink_rewound");
    writeFileSync(chain.paths[0], good.replaceAll("\n", "\r\r\n"));
    expect(await check()).toContain("sink_signature");
  });
});

describe("sinks that hold less than they should", () => {
  it("and are one prove no more than one: unproven, naming both", async () => {
    const chain = await published();
    rmSync(chain.paths[1]);
    linkSync(chain.paths[0], chain.paths[1]);
    const report = await chain.verify();
    expect(report).toMatchObject({ status: "unproven", divergences: [] });
    expect(report.unproven).toMatchObject([expect.stringMatching(/a\.log and .*b\.log are one sink: .*hard link/)]);
  });

  it("and were emptied are not called new where nobody knows better", async () => {
    const chain = await published();
    for (const path of chain.paths) writeLines(path, []);
    expect((await chain.verify()).unproven).toMatchObject([expect.stringMatching(/or the sinks were emptied/)]);
    const { report, state } = await verifyAsked(chain.sql, { ...chain.asked, state: chain.state });
    expect(report.firstDivergence?.check).toBe("sink_rewound");
    // Else the finding would be gone next time.
    expect(state.sinks).toEqual(chain.state.sinks);
  });

  it("lost the end of the last line to a power cut, and whoever wrote it knows it", async () => {
    const chain = await published();
    const [path] = chain.paths;
    const heads = [openSink(`file:${path}`)];
    const lines = linesOf(path);
    const { state } = await verifyAsked(chain.sql, { ...chain.asked, heads });
    writeLines(path, lines.slice(0, 1));
    const { state: first } = await verifyAsked(chain.sql, { ...chain.asked, heads });
    const [name = "", whole] = [...state.sinks][0] ?? [];
    const before = first.sinks.get(name)?.digest ?? "";
    const known = { lines: whole?.lines ?? 0, digest: whole?.digest ?? "", last: { line: lines[1] ?? "", before } };
    const written = { ...state, sinks: new Map([[name, known]]) };
    writeFileSync(path, `${lines[0]}\n${lines[1]?.slice(0, 100)}`);
    const report = await chain.verify({ heads, state: written });
    expect(report).toMatchObject({ status: "intact", warnings: [expect.stringContaining("torn")] });
    writeFileSync(path, `${lines[0]}\n{"seq":9`);
    expect((await chain.verify({ heads, state: written })).firstDivergence?.check).toBe("sink_rewound");
  });
});

describe("the policy's bound for a verdict", () => {
  const policy = parsePolicy('{"tables":{},"verdict":"P2D"}');
  const days = (n: number) => Date.now() + n * 24 * HOUR_MS;

  it("ends every excuse: what kept the verifier from a verdict is then alerted", async () => {
    const chain = await published();
    const options = { ...chain.asked, checks: undefined, policy, maxHeadAgeMs: 30 * 24 * HOUR_MS };
    const first = await verifyAsked(chain.sql, { ...options, now: days(0) });
    expect(first.report.status).toBe("intact");
    const from = first.state.awaitedSince;
    writeFileSync(chain.paths[0], readFileSync(chain.paths[0], "utf8").replaceAll("\n", "\r\n"));
    const excused = await verifyAsked(chain.sql, { ...options, state: first.state, now: days(1.9) });
    expect([excused.report.status, excused.state.awaitedSince]).toEqual(["unproven", from]);
    const { report, state } = await verifyAsked(chain.sql, { ...options, state: excused.state, now: days(2.1) });
    expect(report).toMatchObject({
      status: "tampered",
      divergenceCount: 1,
      firstDivergence: { check: "verdict_overdue", group: "heads", expected: "a verdict on everything within P2D" },
      unproven: [expect.stringContaining("converted")],
    });
    expect(state.awaitedSince).toBe(from);
    // A part is no verdict on everything.
    const part = { ...options, state, startSeq: 5n, now: days(2.1) };
    writeFileSync(chain.paths[0], readFileSync(chain.paths[1]));
    expect((await verifyAsked(chain.sql, part)).report.firstDivergence?.check).toBe("verdict_overdue");
    expect((await verifyAsked(chain.sql, { ...options, state, now: days(2.1) })).report.status).toBe("intact");
  });

  it("counts from the first run where there never was a verdict, and a clock that was ahead does not put it off", async () => {
    const chain = await published();
    const options = { ...chain.asked, checks: ["links", "heads"] as const, policy, maxHeadAgeMs: 30 * 24 * HOUR_MS };
    const first = await verifyAsked(chain.sql, { ...options, now: days(0) });
    const later = await verifyAsked(chain.sql, { ...options, state: first.state, now: days(3) });
    expect(later.report.firstDivergence?.check).toBe("verdict_overdue");
    const ahead = { ...EMPTY_STATE, awaitedSince: days(400) };
    const reset = await verifyAsked(chain.sql, { ...options, state: ahead, now: days(0) });
    expect(reset.report.status).toBe("intact");
    expect(reset.state.awaitedSince).toBeLessThanOrEqual(Date.now());
  });

  it.each(["P2D", "PT36H", "P1W", "P1DT12H30M5S"])("is an ISO 8601 duration: %s", (verdict) => {
    const text = `{"tables":{},"verdict":"${verdict}"}`;
    expect(parsePolicy(formatPolicy(parsePolicy(text)))).toEqual(parsePolicy(text));
    expect(parsePolicy(text).verdict).toBe(verdict);
  });

  it.each(['"24h"', '"P1M"', '"P1Y"', '"P"', '"PT"', '"P0D"', '"P1.5D"', '"-P1D"', "2", "null"])(
    "is not %s",
    (verdict) => {
      expect(() => parsePolicy(`{"tables":{},"verdict":${verdict}}`)).toThrow(/verdict must be an ISO 8601 duration/);
    },
  );
});
