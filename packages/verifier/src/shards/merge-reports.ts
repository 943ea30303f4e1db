import { camelForm, canonicalJson } from "@scidex/audit-core";
import {
  CHECK_GROUPS,
  type CheckGroup,
  compareFindings,
  type Divergence,
  findingIdentity,
  MAX_LISTED_PER_CHECK,
} from "@scidex/audit-reader";
import type { CheckGroupResult, RestoredCount, VerificationReport } from "../report/verification-report.ts";
import type { ShardSums } from "../report/shard-sums.ts";
import { locatedIn } from "./located-in.ts";
import { isNextOf, type OpenShard, openShards } from "./merge-sums.ts";
import type { ReportJson } from "./shard-report.ts";

/** Why reports do not belong together. */
export class MergeError extends Error {
  override readonly name = "MergeError";
}

/** A shard's report whose MAC has been checked, and where it is from. */
export interface OpenedReport {
  readonly file: string;
  readonly json: ReportJson;
}

/**
 * What is read of a report. It was written by a verifier: only that is believed, by its MAC. Its numbers are those of JSON, and
 * no bigint.
 */
type Report = VerificationReport & {
  readonly shard: {
    readonly number: number;
    readonly of: number;
    readonly startsAfter: string | null;
    readonly tracked: readonly string[];
    readonly sums: ShardSums | null;
    readonly bound: { readonly run: string } & { readonly [name: string]: unknown };
  };
};

/** One report of all, and the shards that have to compare their tables in order before it is whole. */
export interface MergedReport {
  readonly report: VerificationReport;
  readonly open: readonly OpenShard[];
}

interface Part {
  readonly file: string;
  readonly report: Report;
}

/**
 * One report of the reports of shards: as of one run where all are there, else `unproven`.
 *
 * @param run what the run is called whose reports are expected: those of a run before may lie about
 * @throws {MergeError} for reports of other runs, chains, policies, keys, heads or ranges, for a shard that is there twice,
 *   and for one that does not begin where the one before it ends
 */
export function mergeReports(opened: readonly OpenedReport[], run: string): MergedReport {
  const parts = opened
    .map(({ file, json }): Part => ({ file, report: camelForm(json) as Report }))
    .toSorted((a, b) => a.report.shard.number - b.report.shard.number);
  const [first, ...others] = parts;
  if (first === undefined) throw new MergeError("there are no reports");
  for (const { file, report } of parts)
    if (report.shard.bound.run !== run)
      throw new MergeError(`${file} is of the run "${report.shard.bound.run}", and not of "${run}"`);
  for (const part of others) requireSame(first, part);
  for (const [i, part] of others.entries()) requireNext(parts[i] ?? first, part);
  // Without all of them, sums say nothing.
  const open = missingOf(parts.map(({ report }) => report)).length > 0 ? [] : openShards(parts.map(sumsOf));
  return { report: merged(parts, open), open };
}

const sumsOf = ({ report: { shard } }: Part) => ({ number: shard.number, sums: shard.sums });

/** What was asked for must be the same, and what it was asked of. */
function requireSame(first: Part, part: Part): void {
  const [bound, other] = [first.report.shard.bound, part.report.shard.bound];
  for (const name of new Set([...Object.keys(bound), ...Object.keys(other)])) {
    const [a, b] = [canonicalJson(other[name] ?? null), canonicalJson(bound[name] ?? null)];
    if (a === b) continue;
    throw new MergeError(
      `${part.file} and ${first.file} are not of one verification: ${WORDS[name] ?? name} is ${a}, and ${b}`,
    );
  }
}

const WORDS: Readonly<Record<string, string>> = {
  of: "the number of shards",
  from: "the first link",
  to: "the last link",
  end: "the published head at the end (give all shards the same --cut)",
  heads: "the digest of the published heads (give all shards the same sinks)",
  hasState: "whether there is a --state",
  policy: "the policy",
  trustPolicy: "the trust policy",
  keys: "the keys",
  origin: "the log",
  server: "the database",
  version: "the verifier's version",
};

/** Where both are there, a shard must begin where the one before it ends, behind that very link. */
function requireNext(before: Part, part: Part): void {
  const [a, b] = [before.report, part.report];
  if (a.shard.number === b.shard.number)
    throw new MergeError(`${before.file} and ${part.file} are both of shard ${b.shard.number}/${b.shard.of}`);
  if (b.shard.number !== a.shard.number + 1) return;
  requireNextSums(before, part);
  if (!hasWalked(a) || !hasWalked(b)) return;
  if (Number(b.range.from) !== Number(a.range.to) + 1)
    throw new MergeError(
      `${part.file} begins with link ${b.range.from}, and ${before.file}, the shard before it, ends with ${a.range.to}`,
    );
  // One without links ends where it begins.
  const end = a.rows > 0 ? a.head?.chainHash : a.shard.startsAfter;
  if (b.shard.startsAfter !== end)
    throw new MergeError(
      `${part.file} follows another link than the last one of ${before.file}: the chain changed between them. Verify again`,
    );
}

function requireNextSums({ file, report: a }: Part, part: Part): void {
  if (isNextOf(a.shard.sums, part.report.shard.sums, Number(part.report.rows))) return;
  throw new MergeError(
    `${part.file} does not begin where ${file} ends, in the chain's table or its index: the table was rewritten between them. Verify again`,
  );
}

/** Whether a shard has seen its links to their end, and nothing wrong. Else no merged report is intact. */
const hasWalked = ({ status, checks }: Report): boolean =>
  status === "intact" || (status === "unproven" && checks.links !== "unproven" && checks.heads !== "unproven");

function merged(parts: readonly Part[], open: readonly OpenShard[]): VerificationReport {
  const reports = parts.map(({ report }) => report);
  const [first, last] = [reports[0], reports.at(-1)];
  if (first === undefined || last === undefined) throw new MergeError("there are no reports");
  const missing = missingOf(reports);
  const all = locatedIn(reports);
  const found = [...new Map(all.toReversed().map((one) => [findingIdentity(one), one])).values()].toSorted(
    compareFindings,
  );
  const divergences = capped(found);
  const unproven = distinct([
    ...missing.map((number) => `links: shard ${number}/${first.shard.of} is missing`),
    ...open.map(
      ({ number, reason }) =>
        `sources: ${reason}: run audit-verify --shard ${number}/${first.shard.of} again with --in-order, and merge its report in place of the other`,
    ),
    ...reports.flatMap((report) => report.unproven),
  ]);
  // Of what a shard has found and not listed nobody can tell whether another has found it too.
  const divergenceCount = sum(reports, "divergenceCount") - (all.length - found.length);
  const statuses = new Set(reports.map(({ status }) => status));
  // What a shard has done beside verifying is its own.
  const { shard: _shard, alerts: _alerts, ...of } = last as Report & { readonly alerts?: unknown };
  return {
    ...of,
    status: statuses.has("tampered")
      ? "tampered"
      : statuses.has("unproven") || missing.length > 0 || open.length > 0
        ? "unproven"
        : "intact",
    range: { from: first.range.from, to: last.range.to },
    rows: BigInt(reports.reduce((all, { rows }) => all + Number(rows), 0)),
    anchoredTo: reports.reduce((most, { anchoredTo }) => (anchoredTo > most ? anchoredTo : most), last.anchoredTo),
    eventsWithoutSource: BigInt(reports.reduce((all, report) => all + Number(report.eventsWithoutSource), 0)),
    pending: last.pending,
    divergences,
    divergenceCount,
    firstDivergence: divergences[0] ?? null,
    many: distinct(reports.flatMap(({ many }) => many)),
    accepted: distinct(reports.flatMap(({ accepted }) => accepted)),
    checks: Object.fromEntries(
      CHECK_GROUPS.map((group) => [
        group,
        worst(reports, group, missing.length > 0 || (open.length > 0 && OF_SUMS.has(group))),
      ]),
    ) as Record<CheckGroup, CheckGroupResult>,
    notCovered: distinct(reports.flatMap(({ notCovered }) => notCovered)),
    retired: addedUp(reports.flatMap(({ retired }) => retired)),
    erased: addedUp(reports.flatMap(({ erased }) => erased)),
    restored: restoredIn(reports.flatMap(({ restored }) => restored)),
    recordedAnew: distinct(reports.flatMap(({ recordedAnew }) => recordedAnew)),
    unproven,
    warnings: distinct(reports.flatMap(({ warnings }) => warnings)),
    startedAt: reports.map(({ startedAt }) => startedAt).toSorted()[0] ?? last.startedAt,
    durationMs: Math.max(...reports.map(({ durationMs }) => durationMs)),
    accessMs: sum(reports, "accessMs"),
  };
}

function missingOf(reports: readonly Report[]): number[] {
  const there = new Set(reports.map(({ shard }) => shard.number));
  return Array.from({ length: reports[0]?.shard.of ?? 0 }, (_, i) => i + 1).filter((number) => !there.has(number));
}

/** What one shard says, another may say too: of sinks, of the configuration. */
function distinct<T>(items: readonly T[]): T[] {
  return [...new Map(items.map((item) => [canonicalJson(item), item])).values()];
}

/** No more of a check than a whole run would list. */
function capped(divergences: readonly Divergence[]): Divergence[] {
  const counts = new Map<string, number>();
  return divergences.filter(({ check }) => {
    const count = (counts.get(check) ?? 0) + 1;
    counts.set(check, count);
    return count <= MAX_LISTED_PER_CHECK;
  });
}

const sum = (reports: readonly Report[], member: "divergenceCount" | "accessMs"): number =>
  reports.reduce((all, report) => all + report[member], 0);

/** Rows of the same kind (and month) in several shards. */
function addedUp<T extends { readonly kind: string; readonly rows: number }>(counts: readonly T[]): T[] {
  const all = new Map<string, T>();
  for (const count of counts) {
    const key = canonicalJson({ ...count, rows: 0 });
    all.set(key, { ...count, rows: count.rows + (all.get(key)?.rows ?? 0) });
  }
  return [...all.values()];
}

/** By kind; a shard has all events of its rows. */
function restoredIn(counts: readonly RestoredCount[]): RestoredCount[] {
  return [...Map.groupBy(counts, ({ kind }) => kind).values()].flatMap((ofKind) => {
    const rows = ofKind.reduce((all, one) => all + one.rows, 0);
    const newest = ofKind.toSorted((a, b) => Number(b.seq) - Number(a.seq))[0];
    return newest === undefined ? [] : [{ ...newest, rows }];
  });
}

/** What sums say: that no event is there twice, and that rows are what was recorded. */
const OF_SUMS: ReadonlySet<CheckGroup> = new Set(["links", "sources"]);

const RANK: readonly CheckGroupResult[] = ["skipped", "ok", "unproven", "failed"];

/** What became of a group in the shard in which it went worst. Only the first one looks at what applications get. */
function worst(reports: readonly Report[], group: CheckGroup, isMissing: boolean): CheckGroupResult {
  const results = reports.map(({ checks }) => checks[group]);
  const result = results.reduce((a, b) => (RANK.indexOf(b) > RANK.indexOf(a) ? b : a), "skipped");
  return isMissing && result === "ok" ? "unproven" : result;
}
