import { type Micros, microsOfMillis } from "@scidex/audit-core";
import {
  CatalogError,
  CatalogWatch,
  isRefused,
  isTransient,
  kindsOfShard,
  type Lane,
  NoPlanError,
  PlanError,
  reasonOf,
  type Snapshot,
  VerifierError,
  withPlannedSnapshot,
} from "@scidex/audit-reader";
import type { Sql } from "postgres";
import { Crew } from "./bulk/crew.ts";
import { MAX_FILTERED } from "./bulk/repeats.ts";
import { isAddedUp } from "./bulk/share/share-tables.ts";
import type { KindHistory } from "./coverage/config.ts";
import { checkCoverage } from "./coverage/narrowings.ts";
import { checkGenerations } from "./coverage/check-generations.ts";
import type { Policy } from "./coverage/policy.ts";
import { type Histories, noHistories } from "./coverage/read-histories.ts";
import { type Deadline, DeadlineError } from "./deadline.ts";
import { checkApproval, checkApprovalWithoutChain } from "./steps/check-approval.ts";
import { checkApplications, checkCatalog, checkServerRows, proveTypes, readTables } from "./steps/catalogs.ts";
import { readGenerations } from "./steps/read-generations.ts";
import { walkLinks } from "./steps/walk-links.ts";
import { compareTables } from "./steps/compare-tables.ts";
import { checkFreshness, checkHeadsWithoutChain, type Heads, readHeads } from "./steps/heads.ts";
import { CONFIG, Noted, unlessRefused } from "./steps/noted.ts";
import { keyIndexOf } from "./steps/key-index.ts";
import { type Configuration, orReport, readChainTable, readConfiguration } from "./steps/own-tables.ts";
import { type JobsPlan, planJobs } from "./steps/plan-jobs.ts";
import { identify, unlessLagging } from "./steps/server.ts";
import { type EarlierLook, readStream } from "./steps/stream.ts";
import type { Observations } from "./report/observations.ts";
import type { Recorder } from "./rows/check-tables.ts";
import { retentionRule } from "./rows/retirement.ts";
import type { ParsedTrust } from "./trust.ts";
import { isFirstShard, type VerifyOptions, wantedGroups, isWholeChain } from "./verify-options.ts";

/**
 * Looks once at the sinks, and then at one snapshot of the database.
 *
 * @param earlier what the look before has found
 * @param recorder who asks for rows that are to be recorded anew
 */
export async function observe(
  sql: Sql,
  trust: ParsedTrust,
  options: VerifyOptions,
  deadline: Deadline,
  { earlier, recorder }: { readonly earlier?: EarlierLook; readonly recorder?: Recorder } = {},
): Promise<Observations> {
  const noted = new Noted(wantedGroups(options), earlier?.findings, {
    accepted: trust.policy?.accepted ?? [],
    isWhole: isWholeChain(options) && options.onlyConfiguration !== true,
  });
  const { database } = sql.options;
  noted.saw({ server: { systemIdentifier: null, database } });
  const now = microsOfMillis(options.now ?? Date.now());
  // Sinks are read before the snapshot is taken: a head that is published later cannot look like a cut.
  const heads = await readHeads(trust, now, options, noted);
  try {
    await checkDatabase(
      sql,
      { database, policy: trust.policy, heads, now, options, recorder, earlier, deadline },
      noted,
    );
  } catch (error) {
    disbelieve(error, noted);
  }
  return noted.finish();
}

/** What a look at the database begins with. */
interface Beginning {
  /** The database's name in our own URL. */
  readonly database: string;
  readonly policy: Policy | null;
  readonly heads: Heads;
  readonly now: Micros;
  readonly options: VerifyOptions;
  readonly recorder: Recorder | undefined;
  readonly earlier: EarlierLook | undefined;
}

/** Opens a snapshot and checks it, while the catalogs are watched. */
async function checkDatabase(
  sql: Sql,
  { deadline, ...beginning }: Beginning & { readonly deadline: Deadline },
  noted: Noted,
): Promise<void> {
  const { heads, options } = beginning;
  const watch = await CatalogWatch.begin(sql.options, deadline.passed);
  let crew: Crew | undefined;
  try {
    const ended = Promise.race([watch.lost, deadline.passed]);
    ended.catch(() => {});
    const plan = async (first: Lane) => await planJobs(first, heads.published, options);
    await withPlannedSnapshot(sql, { plan, ended }, async (snapshot, planned) => {
      crew = new Crew(planned.lanes);
      await checkSnapshot(snapshot, { ...beginning, watch, crew, plan: planned }, noted);
    });
    await Promise.race([watch.end(), deadline.passed]);
  } finally {
    // Not where the work ends: it may never do so where a connection is lost.
    await crew?.close();
    await watch.close();
  }
}

/** What a look at a snapshot rests on. */
interface Ground extends Beginning {
  readonly watch: CatalogWatch;
  readonly crew: Crew;
  readonly plan: JobsPlan;
}

async function checkSnapshot(snapshot: Snapshot, ground: Ground, noted: Noted): Promise<void> {
  const { database, policy, watch, crew, plan, heads, now, options } = ground;
  const { published } = heads;
  const [lane, second] = snapshot;
  const approved = policy?.approved;
  // Only what was published or approved can be missing.
  const report =
    published === null && approved === undefined
      ? noted.report
      : unlessLagging(await identify(lane, database, noted), published ?? { heads: [] }, noted);
  const table = await readChainTable(lane, published, noted);
  // Where this was refused, each who needs it says so.
  const configuration = readConfiguration(lane, table, noted.report);
  const [readable] = await Promise.all([
    unlessRefused(async () => (await configuration).histories),
    checkServerRows(second, policy, noted),
  ]);
  const none = noHistories(lane.place);
  const audited = options.onlyConfiguration === true ? none : readable;
  await proveTypes(lane, audited ?? none, watch);
  const isFirst = isFirstShard(options);
  const { catalog, replaced } = await checkCatalog(snapshot, configuration, { policy, isFirst }, noted);
  if (table === null) {
    noted.cannot("there is no chain to be checked", "links", "sources", "coverage");
    checkHeadsWithoutChain(heads, report);
    checkApprovalWithoutChain(approved, report);
    return;
  }
  const sources = noted.wants("sources") ? audited : null;
  // Long chains, and shards, read the keys of events from the chain's own index.
  const needsIndex = plan.expected > MAX_FILTERED || options.shardSecret !== undefined;
  const tables = catalog ?? (needsIndex ? await readTables(lane, audited ?? none, "links", noted) : null);
  const isExcepted = ({ kind, current }: KindHistory): boolean =>
    retentionRule(policy, kind, current.relation, now) !== null ||
    [...(published?.statements ?? []), ...(published?.erasures ?? [])].some((statement) => statement.kind === kind);
  const isSummed = (history: KindHistory): boolean => isAddedUp(history, isExcepted);
  const links = await walkLinks(
    snapshot,
    crew,
    {
      table,
      heads,
      histories: sources,
      plan,
      now,
      options,
      report,
      keyIndex: tables && keyIndexOf(tables),
      isAddedUp: isSummed,
      recorder: ground.recorder,
    },
    noted,
  );
  if (links === null) return;
  checkFreshness(heads, links.chain, now, options, noted);
  const approvedTo = await checkApproval(lane, approved, { table, links, heads }, report, noted);
  const histories = await coverageOf(configuration, noted);
  const generations = await readGenerations(lane, table, published, histories, noted);
  noted.saw({ generations });
  const compared = histories === null || options.onlyConfiguration !== true ? histories : none;
  const { recorder, earlier } = ground;
  const stream = histories === null ? null : await readStream(lane, table, histories, links.range, noted);
  noted.saw({ stream });
  await compareTables(
    snapshot,
    crew,
    {
      links,
      isOurs: kindsOfShard(options.shard),
      table,
      published,
      histories: compared,
      replaced,
      generations,
      recorder,
      policy,
      now,
      stream,
      earlier,
      isAddedUp: isSummed,
      inOrder: options.inOrder === true,
    },
    noted,
  );
  if (noted.wants("coverage") && histories !== null && approvedTo !== null) {
    checkCoverage(histories, policy, noted.report, approvedTo);
    checkGenerations(generations, histories, policy, noted.report, approvedTo);
  }
  await checkApplications(snapshot, crew, configuration, catalog, noted);
}

/** What is covered, for rows and coverage; null where neither is asked for, or the configuration cannot be read. */
async function coverageOf(configuration: Promise<Configuration>, noted: Noted): Promise<Histories | null> {
  if (!noted.wants("sources", "coverage")) return null;
  const read = await noted.orNull(CONFIG, ["sources", "coverage"], async () => await configuration);
  if (read === null) return null;
  orReport(read.table, noted);
  noted.saw({ histories: read.histories });
  return read.histories;
}

/** Says that nothing of what was read can be believed. Another look may be able to, if somebody was changing something. */
function disbelieve(error: unknown, noted: Noted): void {
  if (
    error instanceof NoPlanError ||
    error instanceof DeadlineError ||
    (error instanceof VerifierError && error.code === "server_unknown")
  ) {
    noted.cannotAny(error.message);
    return;
  }
  if (isRefused(error)) {
    noted.mayPass({ isTransient: isTransient(error) });
    noted.cannotAny(`the catalogs could not be read: ${reasonOf(error, "PUBLIC")}`);
    return;
  }
  if (!(error instanceof PlanError || error instanceof CatalogError)) throw error;
  const [expected, actual] =
    error instanceof PlanError ? [error.statement, error.difference] : [error.expected, error.actual];
  noted.reportAlways({ check: "catalog_changed", expected, actual, message: error.message });
  noted.cannotAny(`nothing could be believed: ${error.message}`);
  // What was found a first time is looked for again anyway.
  noted.mayPass({
    isTransient: error instanceof PlanError || error.isChanging,
    isRewritten: error instanceof CatalogError && error.isChanging,
  });
}
