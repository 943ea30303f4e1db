// Reports that hold a valid MAC and still do not fit together, or were found short.
import { describe, expect, it } from "vitest";
import { jsonForm } from "@scidex/audit-core";
import { type OpenedReport, mergeReports } from "../../src/shards/merge-reports.ts";
import { formatShardReport, openShardReport, type ReportJson } from "../../src/shards/shard-report.ts";

const SECRET = "a secret of sixteen";
const hashAt = (seq: number) => seq.toString(16).padStart(64, "0");
const BOUND = {
  run: "17",
  of: 3,
  from: 1n,
  to: null,
  checks: ["links"],
  origin: "example.org/log",
  keys: ["example.org/log+01020304"],
  policy: hashAt(500),
  trustPolicy: hashAt(700),
  hasState: true,
  allowUnanchored: false,
  maxHeadAgeMs: 1,
  server: { systemIdentifier: "1", database: "app" },
  end: { seq: 30n, chainHash: hashAt(30) },
  heads: hashAt(600),
  version: "1.0.0",
};
type Parts = Partial<Record<"status" | "range" | "rows" | "checks" | "divergences" | "unproven", unknown>> & {
  readonly divergence_count?: number;
  readonly shard?: object;
};

/** The report of a shard of ten links, as it is read back. */
function report(number: number, { shard, ...changed }: Parts = {}): OpenedReport {
  const [from, to] = [number * 10 - 9, number * 10];
  const whole = {
    status: "intact",
    range: { from, to },
    rows: 10,
    head: { seq: to, chain_hash: hashAt(to), appended_at: "" },
    anchored_to: to,
    unanchored: 0,
    pending: 0,
    events_without_source: 2,
    first_divergence: null,
    divergences: [],
    divergence_count: 0,
    many: [],
    accepted: [],
    checks: { links: "ok", heads: "ok", sources: "ok", access: number === 1 ? "ok" : "skipped" },
    not_covered: [],
    retired: [{ kind: `kind ${number}`, month: "2026-01", rows: 1 }],
    erased: [],
    restored: [{ kind: "kind", rows: 1, seq: number, at: null }],
    earlier_logs: [],
    recorded_anew: [],
    unproven: [],
    warnings: ["one"],
    duration_ms: number,
    access_ms: 0,
    alerts: { new: number },
    ...changed,
  };
  const bound = jsonForm(BOUND);
  return {
    file: `${number}.json`,
    json: { ...whole, shard: { number, of: 3, starts_after: hashAt(from - 1), sums: null, bound, ...shard } },
  };
}

const merge = (...reports: OpenedReport[]) => mergeReports(reports, "17").report;

describe("reports of shards", () => {
  it("add up", () => {
    expect(merge(report(2), report(3), report(1))).toMatchObject({
      status: "intact",
      range: { from: 1, to: 30 },
      rows: 30n,
      head: { seq: 30 },
      anchoredTo: 30,
      eventsWithoutSource: 6n,
      checks: { links: "ok", access: "ok" },
      retired: [{ kind: "kind 1" }, { kind: "kind 2" }, { kind: "kind 3" }],
      warnings: ["one"],
      durationMs: 3,
    });
    expect(merge(report(1), report(2), report(3))).not.toHaveProperty("alerts");
    expect(merge(report(1), report(2), report(3))).not.toHaveProperty("shard");
  });

  it.each(Object.keys(BOUND))("are refused where they differ in %s", (name) => {
    const bound = { ...(jsonForm(BOUND) as ReportJson), [jsonName(name)]: "another" };
    expect(() => merge(report(1), report(2, { shard: { bound } }), report(3))).toThrow(
      name === "run" ? "is of the run" : "are not of one verification",
    );
    // Nor may one lack it, whichever comes first.
    const { [jsonName(name)]: _, ...less } = bound;
    if (name === "to") return;
    expect(() => merge(report(1), report(2, { shard: { bound: less } }), report(3))).toThrow(
      /is of the run|not of one/u,
    );
    expect(() => merge(report(1, { shard: { bound: less } }), report(2), report(3))).toThrow(
      /is of the run|not of one/u,
    );
  });

  it("are refused where their ranges overlap or leave a gap, or the link between them is another one", () => {
    for (const range of [
      { from: 10, to: 20 },
      { from: 12, to: 20 },
    ])
      expect(() => merge(report(1), report(2, { range }), report(3))).toThrow("begins with link");
    for (const range of [
      { from: 11, to: 19 },
      { from: 11, to: 21 },
    ])
      expect(() => merge(report(1), report(2, { range }), report(3))).toThrow("begins with link 21");
    for (const after of [hashAt(9), null])
      expect(() => merge(report(1), report(2, { shard: { starts_after: after } }), report(3))).toThrow(
        "follows another link than the last one of 1.json",
      );
    // A shard without links has none in between.
    const empty = { range: { from: 11, to: 10 }, rows: 0, head: null };
    const third = { range: { from: 11, to: 30 }, shard: { starts_after: hashAt(10) } };
    expect(merge(report(1), report(2, empty), report(3, third)).status).toBe("intact");
  });

  it("are never better together than the worst of them", () => {
    const broken = { check: "chain_hash", group: "links", seq: 12, message: "…" };
    const silent = { check: "publisher_silent", group: "heads", message: "…" };
    const found = (...divergences: object[]): Parts => ({
      status: "tampered",
      divergences,
      divergence_count: divergences.length,
      checks: { links: "failed", heads: "failed" },
    });
    const unproven: Parts = { status: "unproven", unproven: ["sources: no right"], checks: { sources: "unproven" } };
    expect(merge(report(1, found(silent)), report(2, found(broken, silent)), report(3, unproven))).toMatchObject({
      status: "tampered",
      firstDivergence: broken,
      divergences: [broken, silent],
      divergenceCount: 2,
      checks: { links: "failed", sources: "unproven" },
    });
    expect(merge(report(1), report(2, unproven), report(3))).toMatchObject({
      status: "unproven",
      unproven: ["sources: no right"],
    });
    // Whatever a list lacks: the verdict is what the shard has said.
    expect(merge(report(1), report(2, { status: "unproven" }), report(3)).status).toBe("unproven");
    expect(merge(report(1), report(2, { status: "tampered" }), report(3)).status).toBe("tampered");
    // A shard that could not read its links ends nowhere, and is no reason to refuse the others.
    const blind: Parts = { status: "unproven", range: { from: 1, to: 0 }, rows: 0, checks: { links: "unproven" } };
    expect(merge(report(1), report(2, blind), report(3)).status).toBe("unproven");
    for (const some of [[1], [2, 3], [1, 3]])
      expect(merge(...some.map((number) => report(number)))).toMatchObject({
        status: "unproven",
        checks: { links: "unproven" },
      });
  });
});

describe("the MAC of a shard's report", () => {
  const text = formatShardReport(
    { status: "intact", rows: 10n, warnings: ["é ‮"] } as never,
    { number: 1, of: 3, startsAfter: null, tracked: [], sums: null, bound: BOUND },
    SECRET,
  );
  it("holds for what was written, and for nothing else", () => {
    expect(openShardReport(`${text}\n`, SECRET)).toMatchObject({ status: "intact", shard: { number: 1 } });
    expect(() => openShardReport(text, `${SECRET}.`)).toThrow("its MAC does not hold");
    for (const [from, to] of [
      ['"rows":10', '"rows":11'],
      ['"number":1', '"number":2'],
      ['"run":"17"', '"run":"18"'],
      ['"starts_after":null', '"starts_after":"00"'],
      ["{", '{"extra":1,'],
    ] as const)
      expect(() => openShardReport(text.replace(from, to), SECRET)).toThrow("its MAC does not hold");
    expect(() => openShardReport(text.replace(/"mac":"[0-9a-f]+"/u, '"mac":"00"'), SECRET)).toThrow("does not hold");
    expect(() => openShardReport(text.replace(/"mac":"[0-9a-f]+"/u, '"mac":7'), SECRET)).toThrow("has no MAC");
    expect(() => openShardReport(text.replace("{", '{"status":"intact",'), SECRET)).toThrow("status");
  });
});

const jsonName = (name: string) => Object.keys(jsonForm({ [name]: 0 }) as object)[0] ?? "";
