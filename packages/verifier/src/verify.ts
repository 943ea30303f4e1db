import { type HeadTrust, type NoteVerifier, parseVerifierKey } from "@scidex/audit-core";
import type { Sql } from "postgres";
import type { ChainRow } from "./chain-row.ts";
import { checkTables, readHistories, type TablesResult } from "./check-tables.ts";
import type { KindHistory } from "./config.ts";
import { checkCoverage } from "./coverage.ts";
import { VerifierError } from "./errors.ts";
import { type CheckName, CHECKS, type Group, GROUPS } from "./finding.ts";
import { Findings } from "./findings.ts";
import type { HeadLog } from "./head-log.ts";
import { HeadChecker } from "./head-checker.ts";
import { frontierBefore, type PublishedHeads, readPublishedHeads } from "./heads.ts";
import { CHAIN_START, LinkChecker, type LinksStart } from "./links.ts";
import type { Policy } from "./policy.ts";
import { hasChainColumns, readLinks, readShape } from "./read-chain.ts";
import { chainHead, type GroupResult, type VerificationReport } from "./report.ts";
import { isRefused } from "./refused.ts";
import { type Lane, type Snapshot, withSnapshot } from "./snapshot.ts";
import { TimeChecker } from "./time-checker.ts";
import { EMPTY_STATE, type KnownLog, type VerifierState } from "./verifier-state.ts";

/** What is checked when the caller does not choose. */
export const DEFAULT_CHECKS: readonly Group[] = ["links", "heads", "sources", "coverage"];

export const VERIFY_DEFAULTS = { maxHeadAgeMs: 24 * 60 * 60 * 1000 } as const;

/** What a verification trusts, and what it looks at. */
export interface VerifyOptions {
  /** Where published heads are read: sinks. */
  readonly heads?: readonly HeadLog[];
  /** Verifier keys (vkeys) of the publisher: of the log and of its time-stamping. */
  readonly keys?: readonly string[];
  /** The log's name. Default: that of the policy, else whatever the keys are of. */
  readonly origin?: string | undefined;
  readonly policy?: Policy | null | undefined;
  /** What the sinks held when they were last verified. */
  readonly state?: VerifierState | undefined;
  readonly checks?: readonly Group[] | undefined;
  /** First and last seq, both included. The ends are widened to published heads. */
  readonly startSeq?: bigint | undefined;
  readonly endSeq?: bigint | undefined;
  readonly maxHeadAgeMs?: number | undefined;
  /** Accept that there are no sinks: then nothing shows a cut or a full rewrite. */
  readonly allowUnanchored?: boolean | undefined;
  /** The time now, in milliseconds since the Unix epoch. */
  readonly now?: number;
  /** Called now and then with the number of rows read so far. */
  readonly onProgress?: (rows: number) => void;
}

/** A report, and what to remember of the sinks. */
export interface Verification {
  readonly report: VerificationReport;
  readonly knownSinks: ReadonlyMap<string, KnownLog>;
}

/**
 * Verifies the chain, its published heads and the audited rows. Reads only. Whatever it finds is looked for a second
 * time in a fresh snapshot before it is reported: DDL that rewrites a table can hide rows from a snapshot that is open.
 *
 * @param sql a client of the `postgres` driver with at least two connections; its role needs `scidex_audit_ro` for links
 *   and heads, `scidex_audit_inspector` for every check
 * @throws VerifierError `not_initialised`, `keys_malformed`, `range_invalid`, `protocol`; errors of the driver
 */
export async function verify(sql: Sql, options: VerifyOptions = {}): Promise<VerificationReport> {
  return (await verifyWithState(sql, options)).report;
}

/** As `verify`; also returns what the sinks held, to be remembered for the next time. */
export async function verifyWithState(sql: Sql, options: VerifyOptions = {}): Promise<Verification> {
  const started = performance.now();
  const first = await look(sql, options, new Findings());
  const last = first.findings.count === 0 ? first : await look(sql, options, new Findings(first.findings));
  return {
    report: makeReport(last, options, performance.now() - started),
    knownSinks: last.published?.known ?? new Map(),
  };
}

/** What one look at the database has found. */
interface Look {
  readonly findings: Findings;
  readonly unproven: { group: Group; reason: string }[];
  readonly warnings: string[];
  readonly published: PublishedHeads | null;
  from: bigint;
  to: bigint;
  rows: number;
  last: ChainRow | null;
  anchoredTo: bigint;
  pending: bigint;
  pendingAge: number | null;
  eventsWithoutSource: bigint;
}

function trustOf(options: VerifyOptions): HeadTrust {
  const verifiers: NoteVerifier[] = [];
  for (const key of options.keys ?? []) {
    try {
      verifiers.push(parseVerifierKey(key));
    } catch (error) {
      throw new VerifierError(
        "keys_malformed",
        `The verifier key ${JSON.stringify(key.slice(0, 80))} cannot be read: ${error instanceof Error ? error.message : ""}. audit-chain keygen prints the two keys.`,
        { cause: error },
      );
    }
  }
  return { verifiers, origin: options.origin ?? options.policy?.origin ?? undefined };
}

async function look(sql: Sql, options: VerifyOptions, findings: Findings): Promise<Look> {
  const { startSeq = 1n, endSeq } = options;
  if (startSeq < 1n || (endSeq !== undefined && endSeq < startSeq))
    throw new VerifierError(
      "range_invalid",
      `There is no range from ${startSeq} to ${endSeq ?? "the end"}: seqs start at 1.`,
    );
  const wants = (group: Group) => (options.checks ?? DEFAULT_CHECKS).includes(group);
  const report = (finding: Parameters<typeof findings.add>[0]) => {
    if (wants(CHECKS[finding.check])) findings.add(finding);
  };
  const unproven: Look["unproven"] = [];
  const warnings: string[] = [];

  // Sinks are read before the snapshot is taken: a head that is published later cannot look like a cut.
  let published: PublishedHeads | null = null;
  if (wants("heads")) {
    if ((options.heads ?? []).length === 0) {
      if (options.allowUnanchored === true)
        warnings.push("no sinks: a cut of the chain's end or a full rewrite cannot be seen");
      else
        unproven.push({
          group: "heads",
          reason:
            "no sinks were given (AUDIT_SINKS), so that a cut or a full rewrite cannot be seen; --allow-unanchored accepts that",
        });
    } else if ((options.keys ?? []).length === 0) {
      unproven.push({
        group: "heads",
        reason: "no verifier keys were given (AUDIT_VERIFIER_KEYS), so that the published heads cannot be believed",
      });
    } else {
      published = await readPublishedHeads(options.heads ?? [], trustOf(options), options.state ?? EMPTY_STATE, report);
      warnings.push(...published.warnings);
      for (const reason of published.unreadable) unproven.push({ group: "heads", reason });
    }
  }

  return await withSnapshot(sql, async (snapshot) => {
    const result: Look = {
      findings,
      unproven,
      warnings,
      published,
      from: 1n,
      to: 0n,
      rows: 0,
      last: null,
      anchoredTo: 0n,
      pending: 0n,
      pendingAge: null,
      eventsWithoutSource: 0n,
    };
    const shape = await readShape(snapshot[0], "public", "audit_chain");
    if (shape === null && published === null)
      throw new VerifierError(
        "not_initialised",
        "There is no table public.audit_chain in this database. Run audit-chain init, or check the database URL.",
      );
    if (shape === null || shape.relkind !== "r" || !hasChainColumns(shape)) {
      findings.add({
        check: "relation_changed",
        expected: "a table with the columns of the chain",
        actual:
          shape === null
            ? "nothing of that name"
            : `a relation of the kind ${shape.relkind} with ${[...shape.columns].map(([name, type]) => `${name} ${type}`).join(", ")}`,
        message: "public.audit_chain is not the chain's table any more",
      });
      if (published !== null && published.heads.length > 0)
        new HeadChecker(published.heads, published.names, { size: 0n, hashes: [] }, report).finish(true);
      return result;
    }
    const newestHead = await checkFreshness(published, options, snapshot, shape !== null, report, result);
    await checkLinksAndHeads(snapshot, options, published, wants, report, result, newestHead);
    await checkTablesAndCoverage(snapshot, options, wants, report, result);
    if (wants("structure"))
      unproven.push({
        group: "structure",
        reason:
          "the structure of the database is not checked by this release; --checks links,heads,sources,coverage leaves it out",
      });
    return result;
  });
}

/** Judges the newest signed time. Returns the time now in microseconds. */
async function checkFreshness(
  published: PublishedHeads | null,
  options: VerifyOptions,
  snapshot: Snapshot,
  isThere: boolean,
  report: Findings["add"],
  result: Look,
): Promise<bigint> {
  const now = BigInt(options.now ?? Date.now());
  if (published === null) return now * 1000n;
  if (published.newestTime === null) {
    const [any] = isThere ? await snapshot[0].query`select 1 from only public.audit_chain limit 1` : [];
    if (any !== undefined)
      result.unproven.push({ group: "heads", reason: "no head has been published yet: run audit-publisher publish" });
    return now * 1000n;
  }
  const ageMs = now - published.newestTime * 1000n;
  const allowed = options.maxHeadAgeMs ?? VERIFY_DEFAULTS.maxHeadAgeMs;
  if (ageMs > BigInt(allowed)) {
    report({
      check: "publisher_silent",
      expected: `a head signed in the last ${Math.round(allowed / 1000)} s`,
      actual: `${ageMs / 1000n} s ago`,
      message:
        "the publisher has signed nothing for longer than allowed: it was stopped, or its heads do not reach the sinks",
    });
  }
  return now * 1000n;
}

async function checkLinksAndHeads(
  snapshot: Snapshot,
  options: VerifyOptions,
  published: PublishedHeads | null,
  wants: (group: Group) => boolean,
  report: Findings["add"],
  result: Look,
  now: bigint,
): Promise<void> {
  const heads = published?.heads ?? [];
  const { startSeq = 1n, endSeq } = options;
  const start = frontierBefore(heads, startSeq);
  const from = startSeq === 1n ? 1n : heads.length > 0 ? start.size + 1n : startSeq;
  const to = endSeq === undefined ? undefined : (heads.find((head) => head.seq >= endSeq)?.seq ?? endSeq);
  // The link before the first one is read too: its chain hash is where the range starts.
  const rows = await readLinks(snapshot[0], from > 1n ? from - 1n : 1n, to);
  let row = await rows.next();
  let before: LinksStart = CHAIN_START;
  let startTime = 0n;
  if (from > 1n) {
    before = { seq: from - 1n, chainHash: CHAIN_START.chainHash };
    while (row !== undefined && row.seq < from) {
      before = { seq: from - 1n, chainHash: row.chainHash };
      startTime = row.appendedAt ?? 0n;
      row = await rows.next();
    }
  }
  const links = new LinkChecker(before, report);
  const inRange = heads.filter((head) => head.seq >= from && (to === undefined || head.seq <= to));
  const tree = new HeadChecker(
    inRange,
    published?.names ?? new Map(),
    heads.length > 0 ? start : { size: from - 1n, hashes: [] },
    report,
  );
  const times = new TimeChecker(inRange, now, startTime, report);
  const checksHeads = wants("heads") && published !== null;
  while (row !== undefined) {
    links.push(row);
    if (checksHeads) {
      tree.push(row);
      times.push(row);
    }
    result.last = row;
    if (links.rows % 65_536 === 0) options.onProgress?.(links.rows);
    if (!rows.step()) await rows.fill();
    row = rows.current;
  }
  options.onProgress?.(links.rows);
  if (checksHeads) tree.finish(to === undefined || (result.last?.seq ?? 0n) < to);
  result.from = from;
  result.to = links.seq;
  result.rows = links.rows;
  result.anchoredTo = tree.anchoredTo;
}

async function checkTablesAndCoverage(
  snapshot: Snapshot,
  options: VerifyOptions,
  wants: (group: Group) => boolean,
  report: Findings["add"],
  result: Look,
): Promise<void> {
  let histories: Map<string, KindHistory> | null = null;
  let pending = false;
  try {
    histories = await snapshot[0].attempt(readHistories);
    pending = await snapshot[0].attempt((attempt) => readPending(attempt, result));
  } catch (error) {
    if (!isRefused(error)) throw error;
    const reason = `the configuration or pending could not be read (${error instanceof Error ? error.message : ""}): grant scidex_audit_inspector`;
    for (const group of ["sources", "coverage"] as const) if (wants(group)) result.unproven.push({ group, reason });
  }
  const isPartial = (options.startSeq ?? 1n) > 1n || options.endSeq !== undefined;
  const isReadable = histories !== null && pending;
  if ((wants("sources") && isReadable) || wants("links")) {
    const tables: TablesResult = await checkTables(snapshot, {
      histories: histories ?? new Map(),
      sources: wants("sources") && isReadable,
      pending: pending && wants("sources"),
      range: isPartial ? { from: result.from, to: result.to } : undefined,
      reportLinks: report,
      reportSources: report,
    });
    for (const reason of tables.unproven) result.unproven.push({ group: "sources", reason });
    result.eventsWithoutSource = histories === null ? 0n : tables.eventsWithoutSource;
  }
  if (wants("coverage") && histories !== null) checkCoverage(histories, options.policy ?? null, report);
}

async function readPending(lane: Lane, result: Look): Promise<boolean> {
  const [row] = await lane.query<{ n: string; age: string | null; conflicts: string }[]>`
    select pg_catalog.count(*) filter (where conflict is null)::text as n,
           extract(epoch from pg_catalog.clock_timestamp() - pg_catalog.min(staged_at) filter (where conflict is null))::bigint::text as age,
           pg_catalog.count(*) filter (where conflict is not null)::text as conflicts
      from only public.audit_chain_pending`;
  result.pending = BigInt(row?.n ?? 0);
  result.pendingAge = row?.age == null ? null : Number(row.age);
  if (row !== undefined && row.conflicts !== "0") {
    result.warnings.push(
      `${row.conflicts} captured rows were set aside by the sealer, because their events are chained with another hash: audit-chain status lists them`,
    );
  }
  return true;
}

function makeReport(found: Look, options: VerifyOptions, duration: number): VerificationReport {
  const divergences = found.findings.list();
  const failed = new Set<Group>([...found.findings.counts.keys()].map((check: CheckName) => CHECKS[check]));
  const unprovenGroups = new Set(found.unproven.map(({ group }) => group));
  const wanted = options.checks ?? DEFAULT_CHECKS;
  const checks = Object.fromEntries(
    GROUPS.map((group): [Group, GroupResult] => [
      group,
      failed.has(group)
        ? "failed"
        : !wanted.includes(group)
          ? "skipped"
          : unprovenGroups.has(group)
            ? "unproven"
            : "ok",
    ]),
  ) as Record<Group, GroupResult>;
  const head = found.last === null ? null : chainHead(found.last);
  return {
    status: found.findings.count > 0 ? "tampered" : found.unproven.length > 0 ? "unproven" : "intact",
    range: { from: found.from, to: found.to },
    rows: BigInt(found.rows),
    head,
    anchored_to: found.anchoredTo,
    unanchored: found.to > found.anchoredTo ? found.to - found.anchoredTo : 0n,
    pending: found.pending,
    pending_age: found.pendingAge,
    events_without_source: found.eventsWithoutSource,
    first_divergence: divergences[0] ?? null,
    divergences,
    divergence_count: found.findings.count,
    checks,
    unproven: found.unproven.map(({ group, reason }) => `${group}: ${reason}`),
    warnings: found.warnings,
    duration_ms: Math.round(duration),
  };
}
