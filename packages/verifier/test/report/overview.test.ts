import { page } from "@scidex/audit-report";
import { describe, expect, it } from "vitest";
import { type CheckName, CHECKS, MAX_OTHER_KINDS } from "../../src/index.ts";
import { KindTally } from "../../src/rows/kind-tally.ts";
import { append, now, openChain, verifyAsked } from "../chain-database.ts";

describe("the overview of a verification", () => {
  it("has the heads of each sink with their times, links and rows by kind, and what was covered since when", async () => {
    const chain = await openChain();
    await chain.sql.unsafe(
      "create table public.note (id int primary key, body text, mood text); select public.audit_chain_attach('public.note', mode => 'strict', changes => 'track')",
    );
    await chain.sql`insert into public.note select n, 'x', 'y' from generate_series(1, 3) as n`;
    await append(chain.sql, "thing", "1", "2");
    await chain.publish({ time: now() - 2 });
    await chain.sql`update public.note set body = 'z' where id = 1`;
    await chain.sql`select public.audit_chain_attach('public.note', changes => 'track', exclude => array['mood'])`;
    await chain.publish({ time: now() - 1, paths: [chain.paths[0]] });
    const clean = await verifyAsked(chain.sql, chain.asked);
    expect(clean.overview.kinds?.listed[0]).toEqual({ kind: "note", links: 4, matched: 3 });
    await chain.attack("update public.note set body = 'edited' where id = 2");

    const { overview } = await verifyAsked(chain.sql, chain.asked);
    const sizes = overview.sinks?.map(({ name, heads }) => [name, heads.map(({ seq }) => seq)]);
    expect(sizes).toEqual([
      [expect.stringContaining("a.log"), [6n, 8n]],
      [expect.stringContaining("b.log"), [6n]],
    ]);
    expect(overview.sinks?.[1]?.heads[0]?.signedTime).toBeTypeOf("bigint");
    expect(overview.kinds).toEqual({
      listed: [
        { kind: "note", links: 4, matched: 2 },
        { kind: "audit_chain_config", links: 2, matched: 2 },
        { kind: "thing", links: 2, matched: null },
      ],
      others: { kinds: 0, links: 0 },
    });
    expect(overview.coverage).toMatchObject([
      { seq: 1n, action: "attach", relation: "public.note", columns: ["body", "id", "mood"], changes: "track" },
      { seq: 8n, action: "attach", excluded: ["mood"], columns: ["body", "id"], actor: expect.stringMatching(/./u) },
    ]);
    expect(overview.coverage?.[0]?.recordedAt).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?\+00$/u);
  });

  it("has words for every check on the page", async () => {
    const chain = await openChain();
    const { report, overview } = await verifyAsked(chain.sql, { ...chain.asked, checks: ["structure"] });
    const divergences = Object.keys(CHECKS).map((check) => ({ check: check as CheckName, message: "" }));
    const html = page({
      report: { ...report, status: "tampered", divergences },
      overview,
      verifiedAt: Date.now(),
      command: "audit-verify",
      origin: null,
      database: null,
      isWhole: true,
      notes: [],
    });
    const titles = [...html.matchAll(/<h3 id="check-([a-z_]+)">([^<]+) </gu)].map(([, check, title]) => ({
      check,
      title,
    }));
    expect(titles.map(({ check }) => check)).toEqual(Object.keys(CHECKS));
    expect(titles.filter(({ check, title }) => check === title)).toEqual([]);
  });

  it("says nothing of what was not looked at", async () => {
    const chain = await openChain();
    const { overview } = await verifyAsked(chain.sql, { ...chain.asked, checks: ["structure"] });
    expect(overview).toEqual({ sinks: null, kinds: null, coverage: null, recordedAnew: [], proofs: null });
  });
});

describe("the tally of kinds", () => {
  it("keeps the largest of a million kinds, and adds up the rest", () => {
    const tally = new KindTally(["table"]);
    tally.add("table", 1);
    for (let n = 0; n < 1_000_000; n++) tally.add(`kind ${n}`, 1);
    for (let n = 0; n < 500; n++) tally.add("large", 1);
    tally.compared("table", 7);
    const { listed, others } = tally.counts();
    expect(listed).toHaveLength(1 + MAX_OTHER_KINDS);
    expect(listed.slice(0, 2)).toEqual([
      { kind: "table", links: 1, matched: 7 },
      { kind: "large", links: 500, matched: null },
    ]);
    const rest = 1_000_001 - MAX_OTHER_KINDS;
    expect(others).toEqual({ kinds: rest, links: rest });
  });

  it("cuts a name that no honest kind can have", () => {
    const tally = new KindTally([]);
    tally.add("k".repeat(1_000_000), 1);
    expect(tally.counts().listed[0]?.kind.length).toBeLessThan(400);
  });
});
