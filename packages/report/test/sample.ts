import type { Finding } from "@scidex/audit-reader";
import type { PageChange, PageData, PageOverview, PageProof, PageReport } from "../src/index.ts";

/** 22 November 2026, 13:00 UTC, in seconds since the Unix epoch. */
export const NOW = 1_795_352_400;

const HOUR = 3_600;
const hash = (digit: string) => digit.repeat(64);

/** Heads that were published every hour, of a chain that grows faster by day than by night. */
export function hourly(hours: number, end = NOW): { seq: bigint; signedTime: bigint }[] {
  let seq = 120;
  return Array.from({ length: hours }, (_, i) => {
    const time = end - (hours - i) * HOUR;
    seq += 3 + Math.round(40 * Math.max(0, Math.sin((((time / HOUR) % 24) / 24) * 2 * Math.PI)));
    return { seq: BigInt(seq), signedTime: BigInt(time) };
  });
}

export function change(more: Partial<PageChange>): PageChange {
  return {
    seq: 1n,
    action: "attach",
    kind: "task_events",
    relation: "public.task_events",
    keyColumns: ["id"],
    columns: ["body", "created_at", "id", "status"],
    excluded: [],
    changes: "refuse",
    mode: "strict",
    complete: true,
    actor: "migrator",
    recordedAt: "2026-11-20 09:14:03.120394+00",
    ...more,
  };
}

/** A finding; members that are given as undefined are left out. */
export function finding(more: Partial<Record<keyof Finding, unknown>>): Finding {
  const whole = {
    check: "source_edited",
    seq: 17n,
    eventKind: "task_events",
    eventPk: "42",
    expected: hash("a"),
    actual: hash("b"),
    message: "the row of public.task_events is not what was recorded",
    ...more,
  };
  return Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== undefined)) as unknown as Finding;
}

/** The proof of a link, as far as a page reads it. */
export function proof(leaf: Partial<PageProof["leaf"]> = {}, text = "c2sp.org/tlog-proof@v1\nindex 16\n"): PageProof {
  const none = new Uint8Array(32);
  const whole = {
    seq: 17n,
    eventKind: "task_events",
    eventPk: "42",
    appendedAt: "2026-11-20T09:14:03.120394Z",
    ...leaf,
  };
  return {
    leaf: { payloadHash: none, chainHash: none, beforeHash: null, ...whole },
    origin: "scidex.ai/audit-chain",
    size: 1_000n,
    root: none,
    signedTime: BigInt(NOW),
    witnessed: null,
    retiredKey: null,
    text,
  };
}

const report: PageReport = {
  status: "intact",
  range: { from: 1n, to: 1_042n },
  rows: 1_042n,
  head: { seq: 1_042n, chainHash: hash("c"), appendedAt: "2026-11-22T12:59:01.123456Z" },
  anchoredTo: 1_000n,
  unanchored: 42n,
  pending: 0n,
  pendingAge: null,
  eventsWithoutSource: 12n,
  firstDivergence: null,
  divergences: [],
  divergenceCount: 0,
  accepted: [],
  retired: [],
  erased: [],
  restored: [],
  earlierLogs: [],
  checks: { links: "ok", heads: "ok", sources: "ok", access: "ok", coverage: "ok", structure: "ok" },
  notCovered: [],
  unproven: [],
  warnings: [],
  durationMs: 812,
};

const overview: PageOverview = {
  sinks: [],
  kinds: {
    listed: [
      { kind: "task_events", links: 700, matched: 700 },
      { kind: "senate_alerts", links: 328, matched: 300 },
      { kind: "audit_chain_config", links: 2, matched: 2 },
      { kind: "model_release", links: 12, matched: null },
    ],
    others: { kinds: 0, links: 0 },
  },
  coverage: [
    change({}),
    change({ seq: 2n, kind: "senate_alerts", relation: "public.senate_alerts", changes: "track", mode: "sealed" }),
    change({
      seq: 480n,
      columns: ["created_at", "id", "status"],
      excluded: ["body"],
      actor: "anna",
      recordedAt: "2026-11-21 17:40:00+00",
    }),
  ],
  recordedAnew: [],
  proofs: null,
};

/** The data of a page; what is not said is that of an intact chain. */
export function sample(
  more: Partial<Omit<PageData, "report" | "overview">> & {
    report?: Partial<PageReport>;
    overview?: Partial<PageOverview>;
  } = {},
): PageData {
  const heads = hourly(48);
  const [last, before] = [heads.at(-1), heads.at(-4)];
  const anchored = last?.seq ?? 0n;
  const length = anchored + 42n;
  return {
    verifiedAt: (NOW + 1_260) * 1_000,
    command: "audit-verify",
    origin: "scidex.ai/audit-chain",
    database: "scidex on db.example:5432",
    isWhole: true,
    notes: [],
    ...more,
    report: {
      ...report,
      range: { from: 1n, to: length },
      rows: length,
      head: { ...(report.head ?? { chainHash: "", appendedAt: "" }), seq: length },
      anchoredTo: anchored,
      ...more.report,
    },
    overview: {
      ...overview,
      sinks: [
        { name: "file:/data/audit/chain_head.log", heads },
        { name: "git:/data/scidex-papers", heads: heads.slice(0, before === undefined ? 0 : -3) },
      ],
      ...more.overview,
    },
  };
}

/** A page with findings, as the verifier would put them into a report. */
export function tampered(divergences: readonly Finding[], more: Parameters<typeof sample>[0] = {}): PageData {
  return sample({
    ...more,
    report: {
      status: "tampered",
      divergences,
      divergenceCount: divergences.length,
      firstDivergence: divergences[0] ?? null,
      checks: { links: "failed", heads: "ok", sources: "failed", access: "ok", coverage: "ok", structure: "ok" },
      ...more.report,
    },
  });
}
