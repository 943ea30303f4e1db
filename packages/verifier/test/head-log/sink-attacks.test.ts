import { appendFileSync, rmSync, writeFileSync } from "node:fs";
import { type RecordedAnew, signStatement } from "@scidex/audit-core";
import { describe, expect, it } from "vitest";
import {
  append,
  type ChainDatabase,
  linesOf,
  newKeys,
  now,
  openChain,
  ORIGIN,
  signedHead,
  writeLines,
  verifyAsked,
} from "../chain-database.ts";
import { parsePolicy } from "../../src/index.ts";

/** Twelve links with four publications in two sinks, the last one of nothing new. */
async function published(): Promise<ChainDatabase> {
  const chain = await openChain();
  for (let n = 1; n <= 12; n++) {
    await append(chain.sql, "thing", String(n));
    if (n % 4 === 0) await chain.publish({ time: now() - 20 + n });
  }
  await chain.publish();
  return chain;
}

/** Replaces text on line `number` of the first sink. */
function edit(chain: ChainDatabase, number: number, how: (line: string) => string): void {
  const lines = linesOf(chain.paths[0]);
  writeLines(
    chain.paths[0],
    lines.map((line, i) => (i === number - 1 ? how(line) : line)),
  );
}

const cut = (chain: ChainDatabase, ...numbers: number[]) =>
  writeLines(
    chain.paths[0],
    linesOf(chain.paths[0]).filter((_, i) => !numbers.includes(i + 1)),
  );

describe("attacks on a sink", () => {
  it("finds nothing before any of them", async () => {
    const chain = await published();
    const report = await chain.verify();
    expect([report.divergences, report.unproven, report.warnings]).toEqual([[], [], []]);
    expect(report).toMatchObject({ status: "intact", anchoredTo: 12n });
  });

  it.each([1, 2, 3])("finds D01: line %i is gone from one of two sinks", async (number) => {
    const chain = await published();
    cut(chain, number);
    expect((await chain.verify()).firstDivergence?.check).toBe("sink_disagreement");
  });

  it.each([1, 2, 3, 4])("finds D01: line %i is gone from the only sink, which is known", async (number) => {
    const chain = await published();
    const heads = chain.asked.heads?.slice(0, 1) ?? [];
    const { report, state } = await verifyAsked(chain.sql, { ...chain.asked, heads });
    expect(report.status).toBe("intact");
    cut(chain, number);
    const after = await chain.verify({ heads, state });
    expect(after.firstDivergence?.check).toBe("sink_rewound");
    expect(after.firstDivergence?.message).toContain(chain.paths[0]);
  });

  it.each(["seq", "chain_hash", "appended_at", "published_at", "checkpoint", "entry", "proof"])(
    "finds D02: %s of a line is another",
    async (member) => {
      const chain = await published();
      edit(chain, 2, (line) => {
        const at = line.indexOf(`"${member}":`) + member.length + 6;
        const place = line.slice(at).search(/[0-9a-f]/u) + at;
        return `${line.slice(0, place)}${line[place] === "1" ? "2" : "1"}${line.slice(place + 1)}`;
      });
      const checks = (await chain.verify()).divergences.map(({ check }) => check);
      expect(checks).toContain("sink_signature");
      expect(checks).toContain("sink_disagreement");
    },
  );

  it.each([" {}", "null", "", "{", "\u0000", "a".repeat(2_000_000)])("finds D02: a line that is %j", async (text) => {
    const chain = await published();
    edit(chain, 2, () => text.slice(0, 2_000_000));
    expect((await chain.verify()).divergences.map(({ check }) => check)).toContain("sink_signature");
  });

  it("finds D03: a log that is shorter than it was known to be", async () => {
    const chain = await published();
    const { state } = await verifyAsked(chain.sql, chain.asked);
    cut(chain, 3, 4);
    const report = await chain.verify({ state });
    expect(report.divergences.map(({ check }) => check)).toEqual(["sink_rewound"]);
    rmSync(chain.paths[0]);
    expect((await chain.verify({ state })).firstDivergence?.check).toBe("sink_rewound");
  });

  it("finds D03: a log that was cut back, and has grown longer since", async () => {
    const chain = await published();
    const { state } = await verifyAsked(chain.sql, chain.asked);
    for (const path of chain.paths) writeLines(path, linesOf(path).slice(0, 2));
    for (let n = 0; n < 4; n++) await chain.publish({ time: now() + n });
    const report = await chain.verify({ state });
    expect(report.divergences.map(({ check }) => check)).toEqual(["sink_rewound", "sink_rewound"]);
  });

  it("warns of a sink that only lags behind", async () => {
    const chain = await published();
    cut(chain, 4);
    const report = await chain.verify();
    expect(report.status).toBe("intact");
    expect(report.warnings).toEqual([expect.stringContaining("sink_behind")]);
  });

  it("finds D04: a log that is signed with another key", async () => {
    const chain = await published();
    const evil = newKeys(ORIGIN);
    for (const path of chain.paths) writeLines(path, [await signedHead(chain.sql, { keys: evil.keys })]);
    const report = await chain.verify();
    expect(report.firstDivergence?.check).toBe("sink_signature");
    expect(report.firstDivergence?.message).toContain("signature_missing");
  });

  it("finds D05: two sinks with different stories, and names both", async () => {
    const chain = await published();
    const line = await signedHead(chain.sql, { seq: 10n, time: now() - 9 });
    edit(chain, 3, () => line);
    const { divergences } = await chain.verify();
    const found = divergences.find(({ check }) => check === "sink_disagreement");
    for (const path of chain.paths) expect(found?.message).toContain(path);
  });

  it("finds D06: a publisher that has stopped", async () => {
    const chain = await published();
    const report = await chain.verify({ now: Date.now() + 25 * 3_600_000 });
    expect(report.divergences.map(({ check }) => check)).toEqual(["publisher_silent"]);
    expect(await chain.verify({ now: Date.now() + 25 * 3_600_000, maxHeadAgeMs: 26 * 3_600_000 })).toMatchObject({
      status: "intact",
    });
  });

  it("finds D06 also where the clock goes on between the looks", async () => {
    const chain = await published();
    const { report } = await verifyAsked(chain.sql, { ...chain.asked, maxHeadAgeMs: 0 });
    expect(report.divergences.map(({ check }) => check)).toEqual(["publisher_silent"]);
  });

  it("finds D07: an old head that stands there again", async () => {
    const chain = await published();
    const [first = ""] = linesOf(chain.paths[0]);
    for (const path of chain.paths) appendFileSync(path, `${first}\n`);
    expect((await chain.verify()).firstDivergence?.check).toBe("sink_signature");
  });

  it("finds D07: an old head with a fresh published_at", async () => {
    const chain = await published();
    const last = linesOf(chain.paths[0]).at(-1) ?? "";
    const line = last.replace(/"published_at":"[^"]*"/u, `"published_at":"2031-01-01T00:00:00Z"`);
    for (const path of chain.paths) writeFileSync(path, `${line}\n`);
    const { divergences } = await chain.verify();
    expect(divergences[0]?.check).toBe("sink_signature");
  });

  it("finds D07: only old heads", async () => {
    const chain = await openChain();
    await append(chain.sql, "thing", "1");
    await chain.publish({ time: now() - 3 * 86_400 });
    expect((await chain.verify()).divergences.map(({ check }) => check)).toContain("publisher_silent");
  });

  it("finds D08: a genuine head of another log", async () => {
    const chain = await published();
    const other = newKeys("example.org/other");
    appendFileSync(chain.paths[0], `${await signedHead(chain.sql, { keys: other.keys, time: now() + 1 })}\n`);
    const report = await chain.verify({ keys: [...chain.vkeys, ...other.vkeys] });
    expect(report.firstDivergence?.check).toBe("sink_signature");
    expect(report.firstDivergence?.message).toContain("origin_mismatch");
  });

  it("asks for the origin where it has keys of several logs", async () => {
    const chain = await published();
    const keys = [...chain.vkeys, ...newKeys("example.org/other").vkeys];
    const { origin, ...rest } = chain.asked;
    await expect(verifyAsked(chain.sql, { ...rest, keys })).rejects.toMatchObject({ code: "origin_missing" });
    const policy = parsePolicy(JSON.stringify({ origin, tables: {} }));
    expect((await verifyAsked(chain.sql, { ...rest, keys, policy })).report.status).toBe("intact");
    // The time-stamping keys of witnesses have names of their own, and the log's own key may be a rotated one.
    expect((await verifyAsked(chain.sql, { ...rest, keys: chain.vkeys })).report.status).toBe("intact");
  });

  it("warns of a torn last line, and of one sink that nothing is known of", async () => {
    const chain = await published();
    appendFileSync(chain.paths[0], '{"seq":13,"chain');
    const report = await chain.verify({ heads: chain.asked.heads?.slice(0, 1) ?? [] });
    expect(report.status).toBe("intact");
    expect(report.warnings).toEqual([expect.stringContaining("torn"), expect.stringContaining("a single sink")]);
  });

  it("proves nothing without sinks, without keys, or with a sink that cannot be read", async () => {
    const chain = await published();
    expect(await chain.verify({ heads: [] })).toMatchObject({ status: "unproven", checks: { heads: "unproven" } });
    expect(await chain.verify({ keys: [] })).toMatchObject({ status: "unproven" });
    expect(await chain.verify({ heads: [], allowUnanchored: true })).toMatchObject({ status: "intact" });
    rmSync(chain.folder, { recursive: true });
    expect(await chain.verify()).toMatchObject({ status: "unproven" });
  });

  it("proves nothing while no head has been published", async () => {
    const chain = await openChain();
    expect(await chain.verify()).toMatchObject({ status: "intact" });
    await append(chain.sql, "thing", "1");
    expect(await chain.verify()).toMatchObject({ status: "unproven" });
  });

  it("refuses texts that are not keys", async () => {
    const chain = await published();
    await expect(chain.verify({ keys: ["nonsense"] })).rejects.toMatchObject({ code: "keys_malformed" });
  });
});

describe("statements between the heads", () => {
  const LINK = { seq: 1n, chainHash: new Uint8Array(32) };
  const STATEMENT: RecordedAnew = {
    type: "recorded_anew",
    origin: ORIGIN,
    systemIdentifier: null,
    database: "app",
    kind: "thing",
    configuration: LINK,
    last: LINK,
    head: null,
    compared: 1,
    notCompared: 0,
    changesNotCompared: 0,
  };

  /** A head, a statement and another head in two sinks, by keys that are given to the verifier. */
  async function stated() {
    const chain = await openChain();
    const { keys, vkeys } = newKeys(ORIGIN);
    await append(chain.sql, "thing", "1");
    await chain.publish({ keys, time: now() - 9 });
    const line = signStatement({ keys, statement: STATEMENT, time: BigInt(now() - 8) });
    for (const path of chain.paths) appendFileSync(path, `${line}\n`);
    await append(chain.sql, "thing", "2");
    await chain.publish({ keys });
    return { chain, asked: { ...chain.asked, keys: vkeys }, line };
  }

  it("are no findings", async () => {
    const { chain, asked, line } = await stated();
    const { report, overview, state } = await verifyAsked(chain.sql, asked);
    expect([report.divergences, report.unproven, report.warnings]).toEqual([[], [], []]);
    expect(report).toMatchObject({ status: "intact", anchoredTo: 2n });
    expect(overview.sinks?.map(({ heads }) => heads.length)).toEqual([2, 2]);
    expect([...state.sinks.values()].map(({ lines }) => lines)).toEqual([3, 3]);
    for (const path of chain.paths) appendFileSync(path, `${line}\n`);
    expect((await chain.verify({ ...asked, state })).divergences).toMatchObject([
      { check: "sink_signature", message: expect.stringContaining("put there again") },
      { check: "sink_signature", message: expect.stringContaining("put there again") },
    ]);
  });

  it.each<[string, (line: string) => string[], string]>([
    ["gone from one sink", () => [], "sink_disagreement"],
    ["edited", (line) => [line.replace("thing", "other")], "sink_signature"],
    [
      "signed by somebody else",
      () => [signStatement({ keys: newKeys(ORIGIN).keys, statement: STATEMENT, time: BigInt(now()) })],
      "sink_signature",
    ],
  ])("are findings where one is %s", async (_, change, check) => {
    const { chain, asked, line } = await stated();
    const lines = linesOf(chain.paths[0]);
    writeLines(
      chain.paths[0],
      lines.flatMap((one) => (one === line ? change(one) : [one])),
    );
    expect((await chain.verify(asked)).divergences.map((one) => one.check)).toContain(check);
  });
});
