import { sha256 } from "@scidex/audit-core";

/** The groups of checks that a caller can choose from. */
export const CHECK_GROUPS = ["links", "heads", "sources", "access", "coverage", "structure"] as const;
export type CheckGroup = (typeof CHECK_GROUPS)[number];

/**
 * Every check by name, with the group that it belongs to. The names are part of the interface; of several findings at
 * one seq, a report lists that of the first check here first.
 */
export const CHECKS = {
  gap: "links",
  duplicate: "links",
  prev_hash: "links",
  chain_hash: "links",
  event_hash: "links",
  truncated: "heads",
  head_mismatch: "heads",
  time_implausible: "heads",
  sink_signature: "heads",
  sink_disagreement: "heads",
  sink_rewound: "heads",
  retired_key: "heads",
  publisher_silent: "heads",
  witness_missing: "heads",
  verdict_overdue: "heads",
  source_edited: "sources",
  source_deleted: "sources",
  source_unchained: "sources",
  change_unrecorded: "sources",
  change_refused: "sources",
  source_missing: "sources",
  access_mismatch: "access",
  coverage_narrowed: "coverage",
  capture_gap: "coverage",
  relation_changed: "structure",
  relation_shadowed: "structure",
  trigger_missing: "structure",
  trigger_disabled: "structure",
  trigger_changed: "structure",
  function_changed: "structure",
  privilege_widened: "structure",
  catalog_changed: "structure",
  index_mismatch: "structure",
} as const satisfies Record<string, CheckGroup>;
export type CheckName = keyof typeof CHECKS;

/** What a check has found: data, for the report and for alerts. */
export interface Divergence {
  readonly check: CheckName;
  readonly group: CheckGroup;
  /** Where, if a single link can be named. */
  readonly seq?: bigint;
  /** Where, if only an interval can be named: both ends included. */
  readonly fromSeq?: bigint;
  readonly toSeq?: bigint;
  readonly eventKind?: string;
  readonly eventPk?: string;
  readonly expected?: string;
  readonly actual?: string;
  /** Payload hash of the row or the event that was found, in hex, where `actual` is not it. */
  readonly observed?: string;
  readonly message: string;
}

/** A divergence without its group, which follows from the check's name. */
export interface Finding extends Omit<Divergence, "group"> {
  /** An earlier finding that would explain this one, had it been accepted: an honest change found what had been forged. */
  readonly explainedBy?: Finding;
}

/** Takes what the checks find, one after another. */
export type ReportFinding = (finding: Finding) => void;

/**
 * What makes two findings the same one in two looks at the database, as a short digest: labels come from the database
 * and can be long.
 *
 * Where the chain ends is no part of it: new links may have taken the place of those that were cut off meanwhile. Nor is
 * what stands there and what was expected: both may move between two looks, moments apart. The publisher's `alertIdentity`
 * compares runs that are hours apart, and so takes them in.
 */
export function findingIdentity(f: Finding): string {
  if (f.check === "truncated") return f.check;
  const isNowhere = f.seq === undefined && f.fromSeq === undefined && f.eventPk === undefined;
  const parts = [
    f.check,
    f.seq?.toString(),
    f.fromSeq?.toString(),
    f.toSeq?.toString(),
    f.eventKind,
    f.eventPk,
    isNowhere ? f.message : undefined,
  ];
  return Buffer.from(sha256(JSON.stringify(parts))).toString("base64", 0, 15);
}

const RANKS = new Map(Object.keys(CHECKS).map((check, rank) => [check, rank]));

/** Order of a report: by seq; intervals and findings without a seq come after those with one. */
export function compareFindings(a: Finding, b: Finding): number {
  const [x, y] = [a.seq, b.seq];
  if (x !== undefined && y !== undefined && x !== y) return x < y ? -1 : 1;
  if (x !== undefined && y === undefined) return -1;
  if (x === undefined && y !== undefined) return 1;
  const [p, q] = [a.fromSeq, b.fromSeq];
  if (p !== undefined && q !== undefined && p !== q) return p < q ? -1 : 1;
  if ((p === undefined) !== (q === undefined)) return p === undefined ? 1 : -1;
  return (RANKS.get(a.check) ?? 0) - (RANKS.get(b.check) ?? 0);
}
