import { randomBytes } from "node:crypto";
import type { LookResult } from "./report/look-result.ts";
import type { HeadTrust } from "@scidex/audit-core";
import type { Sql } from "postgres";
import { checkAccess } from "./access/check-access.ts";
import {
  CatalogError,
  CatalogWatch,
  type ChainResult,
  checkChain,
  CHECKS,
  EMPTY_STATE,
  type Finding,
  type Findings,
  type Group,
  HeadChecker,
  isRefused,
  isTransient,
  type KnownServer,
  type Lane,
  lockAgainstRewriting,
  NoPlanError,
  PlanError,
  type PublishedHeads,
  type Range,
  readPublishedHeads,
  readReplayTime,
  readSystemIdentifier,
  reasonOf,
  type Relation,
  resolveRange,
  REWRITTEN,
  type Snapshot,
  type Survey,
  surveyChain,
  VerifierError,
  withSnapshot,
} from "@scidex/audit-reader";
import { checkTables } from "./rows/check-tables.ts";
import { clockDoubt, lagReason, mayLag } from "./causes.ts";
import { checkCoverage } from "./coverage/coverage.ts";
import { splitRelation } from "./coverage/config.ts";
import { type Deadline, DeadlineError } from "./deadline.ts";
import { Crew } from "./bulk/crew.ts";
import { TAG_KEY_BYTES } from "./bulk/kernel.ts";
import { vouchForLinks, type VouchedChain } from "./bulk/vouch-links.ts";
import { addUpTables, type RowSums, vouchForTables } from "./bulk/vouch-tables.ts";
import type { KindCounts } from "./rows/kind-tally.ts";
import { overviewOf } from "./report/overview.ts";
import { type Histories, NO_HISTORIES, readHistories } from "./coverage/read-histories.ts";
import { type Pending, readPending } from "./rows/read-pending.ts";
import { describeShape, hasColumns, OWN_SHAPES, readShape, type TableShape } from "./coverage/shape.ts";
import type { Catalog } from "./structure/catalog/catalog.ts";
import { checkBuiltin } from "./structure/builtin/check-builtin.ts";
import { checkStructure, interestOf } from "./structure/check-structure.ts";
import { readCatalog } from "./structure/catalog/read-catalog.ts";
import { defaultJobs, MIN_ROWS_FOR_JOBS, VERIFY_DEFAULTS, type VerifyOptions, wantedChecks } from "./verify-options.ts";

const CHAIN = "public.audit_chain";
const CONFIG = "public.audit_chain_config";
const PENDING = "public.audit_chain_pending";
const EVENTS = "the events of the chain and of pending";

type OwnTable = keyof typeof OWN_SHAPES;

/** Looks once at the sinks, and then at one snapshot of the database. */
export async function look(
  sql: Sql,
  trust: HeadTrust,
  options: VerifyOptions,
  findings: Findings,
  deadline: Deadline,
): Promise<LookResult> {
  return await new Look(trust, options, findings).run(sql, deadline);
}

class Look {
  readonly #trust: HeadTrust;
  readonly #options: VerifyOptions;
  readonly #findings: Findings;
  readonly #wanted: ReadonlySet<Group>;
  readonly #unproven: { group: Group; reason: string }[] = [];
  readonly #warnings: string[] = [];
  /** Microseconds since the Unix epoch. */
  readonly #now: bigint;
  /** Whether our clock can be believed. */
  #judgesTimes = true;
  #isStandby = (): boolean => false;
  /** Of a standby: up to when it has replayed, in microseconds since the Unix epoch. */
  #replayedUntil: bigint | null = null;
  #server: KnownServer | null = null;
  #isTransient = false;
  #isRewritten = false;
  /** The highest seq at which a link is missing or broken. */
  #lastBroken = 0n;
  #published: PublishedHeads | null = null;
  #range: Range = { from: 1n, to: undefined, after: undefined, unchained: true, pending: true };
  #chain: ChainResult = { to: 0n, rows: 0, last: null, anchoredTo: 0n };
  #pending: Pending | null = null;
  #withoutSource = 0n;
  #kinds: KindCounts | null = null;
  /** About how many links there are, and how many jobs they are worth. */
  #expected = 0n;
  #jobs = 1;
  #survey: Survey | null = null;
  #vouched: VouchedChain | null = null;
  readonly #rows: RowSums = new Map();
  #histories: Histories | null = null;
  readonly #shapes = new Map<OwnTable, TableShape | null>();
  #config: Promise<Histories> | undefined;
  #catalog: Catalog | null = null;
  #accessMs = 0;

  constructor(trust: HeadTrust, options: VerifyOptions, findings: Findings) {
    this.#trust = trust;
    this.#options = options;
    this.#findings = findings;
    this.#wanted = new Set(wantedChecks(options));
    this.#now = BigInt(options.now ?? Date.now()) * 1000n;
  }

  /** Takes what a check finds; of groups that were not asked for, nothing. */
  readonly #report = (finding: Finding): void => {
    if (finding.check === "truncated" && this.#lags(finding)) {
      this.#cannot(lagReason(finding), "heads");
      return;
    }
    const group = CHECKS[finding.check];
    const isMissing = group === "links" || finding.check === "truncated";
    if (isMissing && finding.seq !== undefined && finding.seq > this.#lastBroken) this.#lastBroken = finding.seq;
    if (this.#wanted.has(group)) this.#findings.add(finding);
  };

  /**
   * Takes what the comparison of a table finds. Where a link further on is missing or was changed, it may have been the
   * newest event of a tracked row: that row is named, but not the seq of its older event, which nobody has touched.
   */
  #reportOfTables(histories: Histories): (finding: Finding) => void {
    return (finding) => {
      const { seq, ...unlocated } = finding;
      const kind = finding.event_kind?.replace(/:(?:insert|update|delete)$/u, "");
      const isTracked = histories.get(kind ?? "")?.configs.some(({ changes }) => changes === "track") ?? false;
      // An event that does not follow from the one before it does so whatever comes after.
      const isOfRow = CHECKS[finding.check] === "sources" && finding.check !== "change_unrecorded";
      const isDoubtful = isOfRow && seq !== undefined && seq < this.#lastBroken && isTracked;
      this.#report(isDoubtful ? unlocated : finding);
    };
  }

  async run(sql: Sql, deadline: Deadline): Promise<LookResult> {
    this.#server = { systemIdentifier: null, database: sql.options.database };
    // Sinks are read before the snapshot is taken: a head that is published later cannot look like a cut.
    if (this.#wanted.has("heads")) await this.#readHeads();
    try {
      await this.#lookBelieving(sql, deadline);
    } catch (error) {
      this.#disbelieve(error);
    }
    return {
      findings: this.#findings,
      unproven: this.#unproven,
      isTransient: this.#isTransient,
      isRewritten: this.#isRewritten,
      warnings: this.#warnings,
      server: this.#server,
      published: this.#published,
      from: this.#range.from,
      chain: this.#chain,
      pending: this.#pending,
      eventsWithoutSource: this.#withoutSource,
      accessMs: this.#accessMs,
      overview: overviewOf(this.#published, this.#kinds, this.#histories),
    };
  }

  async #lookBelieving(sql: Sql, deadline: Deadline): Promise<void> {
    const watch = await CatalogWatch.begin(sql.options, deadline.passed);
    let crew: Crew | undefined;
    const work = async (snapshot: Snapshot) => {
      crew = new Crew(Math.min(this.#jobs, snapshot.length));
      this.#isStandby = () => snapshot[0].parameters["in_hot_standby"] === "on";
      await this.#lookAt(snapshot, crew, watch);
    };
    try {
      const ended = Promise.race([watch.lost, deadline.passed]);
      ended.catch(() => {});
      await withSnapshot(sql, work, async (lane) => await this.#planJobs(lane), ended);
      await Promise.race([watch.end(), deadline.passed]);
    } finally {
      // Not where the work ends: it may never do so where a connection is lost.
      await crew?.close();
      await watch.close();
    }
  }

  /** Says that nothing of what was read can be believed. Another look may be able to, if somebody was changing something. */
  #disbelieve(error: unknown): void {
    if (
      error instanceof NoPlanError ||
      error instanceof DeadlineError ||
      (error instanceof VerifierError && error.code === "server_unknown")
    ) {
      this.#cannot(error.message, ...this.#wanted);
      return;
    }
    if (isRefused(error)) {
      this.#isTransient ||= isTransient(error);
      this.#cannot(`the catalogs could not be read: ${reasonOf(error, "PUBLIC")}`, ...this.#wanted);
      return;
    }
    if (!(error instanceof PlanError || error instanceof CatalogError)) throw error;
    const [expected, actual] =
      error instanceof PlanError ? [error.statement, error.difference] : [error.expected, error.actual];
    // Whatever was asked for: there is nothing to be said of any other check.
    this.#findings.add({ check: "catalog_changed", expected, actual, message: error.message });
    this.#cannot(`nothing could be believed: ${error.message}`, ...this.#wanted);
    // What was found a first time is looked for again anyway.
    this.#isRewritten ||= error instanceof CatalogError && error.isChanging;
    this.#isTransient ||= error instanceof PlanError || error.isChanging;
  }

  async #readHeads(): Promise<void> {
    const { heads = [], keys = [], allowUnanchored = false } = this.#options;
    if (heads.length === 0 && allowUnanchored) {
      this.#warnings.push("no sinks: a cut of the chain's end or a full rewrite cannot be seen");
    } else if (heads.length === 0) {
      this.#cannot(
        "no sinks were given (AUDIT_SINKS), so that a cut or a full rewrite cannot be seen; --allow-unanchored accepts that",
        "heads",
      );
    } else if (keys.length === 0) {
      this.#cannot(
        "no verifier keys were given (AUDIT_VERIFIER_KEYS), so that the published heads cannot be believed",
        "heads",
      );
    } else {
      const published = await readPublishedHeads(heads, this.#trust, this.#options.state ?? EMPTY_STATE, this.#report);
      this.#published = published;
      this.#warnings.push(...published.warnings);
      for (const reason of published.doubts) this.#cannot(reason, "heads");
      const doubt = clockDoubt(this.#now, published);
      if (doubt !== undefined) {
        this.#cannot(doubt, "heads");
        this.#judgesTimes = false;
      }
    }
  }

  /** Says why groups could not be checked, for those that were asked for. */
  #cannot(reason: string, ...groups: Group[]): void {
    for (const group of groups) if (this.#wanted.has(group)) this.#unproven.push({ group, reason });
  }

  /** Runs `work` on the first connection; null where it was refused, which makes the groups unproven. */
  async #attempt<T>(snapshot: Snapshot, what: string, groups: Group[], work: (lane: Snapshot[0]) => Promise<T>) {
    try {
      return await snapshot[0].attempt(work);
    } catch (error) {
      if (error instanceof VerifierError && error.code === "disk") {
        this.#cannot(`${what} could not be checked: ${error.message}`, ...groups);
        return null;
      }
      if (!isRefused(error)) throw error;
      this.#isTransient ||= isTransient(error);
      const role = what === CHAIN ? "scidex_audit_ro" : "scidex_audit_inspector";
      this.#cannot(`${what} could not be read: ${reasonOf(error, role)}`, ...groups);
      return null;
    }
  }

  /** How many jobs the chain is worth. Returns how many connections they need. */
  async #planJobs(lane: Lane): Promise<number> {
    this.#expected = this.#published?.heads.at(-1)?.seq ?? (await this.#countLinks(lane));
    const byDefault = this.#expected < BigInt(MIN_ROWS_FOR_JOBS) ? 1 : defaultJobs();
    this.#jobs = this.#options.jobs ?? byDefault;
    return this.#jobs;
  }

  /** The number of links where no head says how many there are about; 0 where they cannot be read. */
  async #countLinks(lane: Lane): Promise<bigint> {
    try {
      return await lane.attempt(async (inner) => {
        const chain = await readShape(inner, "public", "audit_chain");
        if (!hasColumns(chain, OWN_SHAPES.audit_chain)) return 0n;
        return (await this.#surveyOf(inner, chain)).length;
      });
    } catch (error) {
      if (!isRefused(error)) throw error;
      return 0n;
    }
  }

  /** The seqs of the chain as the snapshot has them: read once. */
  async #surveyOf(lane: Lane, chain: Relation): Promise<Survey> {
    this.#survey ??= await surveyChain(lane, chain);
    return this.#survey;
  }

  /**
   * The fast way through a whole chain: says that nothing is wrong with it, or nothing at all. Null also where less than
   * the whole is asked for. Where tables are to be compared, their rows are added up beside it.
   */
  async #vouch(
    snapshot: Snapshot,
    crew: Crew,
    chain: Relation,
    histories: Histories | null,
  ): Promise<VouchedChain | null> {
    const { from, to, unchained, pending } = this.#range;
    if (this.#options.plain === true || !this.#judgesTimes || from !== 1n || to !== undefined || !unchained || !pending)
      return null;
    const tagKey = randomBytes(TAG_KEY_BYTES);
    return await vouchForLinks(snapshot, crew, {
      chain,
      survey: async (lane) => await this.#surveyOf(lane, chain),
      published: this.#published,
      now: this.#now,
      hashes: this.#wanted.has("links") || this.#published !== null,
      expected: this.#expected,
      tagKey,
      onProgress: this.#options.onProgress,
      beside: histories === null ? [] : addUpTables(crew, histories, tagKey, this.#rows),
    });
  }

  async #lookAt(snapshot: Snapshot, crew: Crew, watch: CatalogWatch): Promise<void> {
    await this.#identify(snapshot);
    const shape = await this.#tableOf(snapshot, "audit_chain");
    await this.#proveTypes(snapshot, watch);
    // Whatever was asked for: nothing is read but through these rows.
    if (!this.#wanted.has("structure"))
      await checkBuiltin(snapshot[0], this.#options.policy?.server ?? [], this.#findings.add, async (_, read) => {
        return await read();
      });
    await this.#checkStructure(snapshot);
    if (shape === null) {
      this.#cannot("there is no chain to be checked", "links", "sources", "coverage");
      const heads = this.#published;
      if (heads !== null)
        new HeadChecker(heads.heads, heads.names, { size: 0n, hashes: [] }, this.#report).finish(false);
      return;
    }
    const histories = this.#wanted.has("sources") ? await this.#historiesOrNull(snapshot) : null;
    const chain = await this.#attempt(snapshot, CHAIN, ["links", "heads", "sources"], async (lane) => {
      if (await lockAgainstRewriting(lane, "public", "audit_chain")) return REWRITTEN;
      const heads = this.#published?.heads ?? [];
      const needsLength = this.#options.shard !== undefined && heads.length === 0;
      const length = needsLength ? (await this.#surveyOf(lane, shape)).length : 0n;
      this.#range = resolveRange(this.#options, heads, length);
      this.#vouched = await this.#vouch(snapshot, crew, shape, histories);
      if (this.#vouched !== null) return this.#vouched.chain;
      const { onProgress } = this.#options;
      const options = {
        range: this.#range,
        published: this.#published,
        now: this.#judgesTimes ? this.#now : null,
        report: this.#report,
        onProgress,
      };
      return await checkChain(lane, { ...options, chain: shape, survey: await this.#surveyOf(lane, shape) });
    });
    if (chain === REWRITTEN) {
      this.#isTransient = true;
      this.#isRewritten = true;
      this.#cannot(`${CHAIN}: ${REWRITTEN}`, "links", "heads", "sources", "coverage");
      return;
    }
    if (chain === null) return;
    this.#chain = chain;
    this.#checkFreshness();
    await this.#checkTables(snapshot, crew, shape);
    await this.#checkAccess(snapshot);
  }

  /** Asks which server this is, and how far it has come. One that does not say is judged by the rest. */
  async #identify(snapshot: Snapshot): Promise<void> {
    if (this.#published === null || this.#server === null) return;
    const ask = async <T>(read: (lane: Lane) => Promise<T | null>): Promise<T | null> =>
      await snapshot[0].attempt(read).catch((error: unknown) => {
        if (!isRefused(error)) throw error;
        return null;
      });
    this.#server = { ...this.#server, systemIdentifier: await ask(readSystemIdentifier) };
    if (this.#isStandby()) this.#replayedUntil = await ask(readReplayTime);
  }

  /**
   * Whether a missing tail may be a standby's, by what the server reports of itself natively (`in_hot_standby`, from
   * PostgreSQL 14 on), which nobody can set. On a primary it is a cut.
   */
  #lags({ seq }: Finding): boolean {
    if (!this.#isStandby() || this.#published === null || seq === undefined) return false;
    return mayLag(seq, this.#published, this.#replayedUntil);
  }

  /** Reads what the audited tables are made of, all at once, and proves how their types are sent. */
  async #proveTypes(snapshot: Snapshot, watch: CatalogWatch): Promise<void> {
    const catalog = await snapshot[0].catalog();
    const histories = (await this.#historiesOrNull(snapshot)) ?? NO_HISTORIES;
    const relations: string[] = [];
    for (const { current } of histories.values()) {
      const place = splitRelation(current.relation);
      const relation = place === null ? undefined : catalog.relation(place.schema, place.name);
      if (relation !== undefined) relations.push(...catalog.treeOf(relation.oid));
    }
    await catalog.need(snapshot[0], relations);
    await watch.prove(catalog, catalog.typesOf(relations));
  }

  /** What stands in the place of one of the chain's own tables; null where it is not what it must be. Read once. */
  async #shapeOf(snapshot: Snapshot, name: OwnTable): Promise<{ is: TableShape | null; there: TableShape | null }> {
    let there = this.#shapes.get(name);
    if (there === undefined) {
      // Given back at once: DDL on a catalog would queue behind its lock, and our other connection behind that DDL.
      there = await snapshot[0].attempt(async (lane) => await readShape(lane, "public", name));
      this.#shapes.set(name, there);
    }
    return { is: hasColumns(there, OWN_SHAPES[name]) ? there : null, there };
  }

  /** One of the chain's own tables; null where it is not what it must be, which is reported. */
  async #tableOf(snapshot: Snapshot, name: OwnTable): Promise<TableShape | null> {
    const { is, there } = await this.#shapeOf(snapshot, name);
    if (is !== null) return is;
    if (there === null && name === "audit_chain" && this.#published === null)
      throw new VerifierError(
        "not_initialised",
        "There is no table public.audit_chain in this database. Run audit-chain init, or check the database URL.",
      );
    // Whatever was asked for: nothing can be said of a chain that is none.
    this.#findings.add({
      check: "relation_changed",
      expected: `a table with the columns ${OWN_SHAPES[name].map(([column, type]) => `${column} ${type}`).join(", ")}`,
      actual: describeShape(there),
      message: `public.${name} is not the table that it was`,
    });
    return null;
  }

  /** The configuration, which is read once; fails each time where that was refused. */
  async #readConfig(lane: Lane, snapshot: Snapshot): Promise<Histories> {
    const { is: chain } = await this.#shapeOf(snapshot, "audit_chain");
    const { is: config } = await this.#shapeOf(snapshot, "audit_chain_config");
    if (chain === null || config === null) return NO_HISTORIES;
    this.#config ??= readHistories(lane, chain, config, this.#report);
    return await this.#config;
  }

  /** The same; null where it was refused, which is said by those who cannot do without it. */
  async #historiesOrNull(snapshot: Snapshot): Promise<Histories | null> {
    try {
      return await snapshot[0].attempt(async (lane) => await this.#readConfig(lane, snapshot));
    } catch (error) {
      if (!isRefused(error)) throw error;
      return null;
    }
  }

  /** Judges the newest signed time. */
  #checkFreshness(): void {
    if (this.#published === null) return;
    const { newestTime } = this.#published;
    if (newestTime === null) {
      if (this.#chain.rows > 0)
        this.#cannot(
          "no sink holds a head: either none has been published yet, or the sinks were emptied. The publisher knows which of the two: run audit-publisher publish, which publishes, or finds sink_rewound",
          "heads",
        );
      return;
    }
    const age = this.#now / 1000n - newestTime * 1000n;
    const allowed = this.#options.maxHeadAgeMs ?? VERIFY_DEFAULTS.maxHeadAgeMs;
    if (age <= BigInt(allowed)) return;
    this.#report({
      check: "publisher_silent",
      expected: `a head signed in the last ${Math.round(allowed / 1000)} s`,
      // The message is what makes this the same finding in the second look, when it is later.
      actual: `${age / 1000n} s ago by the clock here, ${new Date(Number(this.#now / 1000n)).toISOString()}`,
      message:
        "the publisher has signed nothing for longer than allowed: it was stopped, or its heads do not reach the sinks (or the clock here is ahead)",
    });
  }

  async #checkTables(snapshot: Snapshot, crew: Crew, chain: Relation): Promise<void> {
    let histories: Histories | null = null;
    if (this.#wanted.has("sources") || this.#wanted.has("coverage")) {
      histories =
        (await this.#tableOf(snapshot, "audit_chain_config")) === null
          ? NO_HISTORIES
          : await this.#attempt(snapshot, CONFIG, ["sources", "coverage"], async (lane) => {
              return await this.#readConfig(lane, snapshot);
            });
      this.#histories = histories;
    }
    let pending: Relation | null = null;
    if (this.#wanted.has("sources") && histories !== null) {
      const shape = await this.#tableOf(snapshot, "audit_chain_pending");
      if (shape !== null)
        this.#pending = await this.#attempt(snapshot, PENDING, ["sources"], async (lane) => {
          return await readPending(lane, shape, this.#now);
        });
      if (this.#pending !== null) pending = shape;
      this.#warnings.push(...(this.#pending?.warnings ?? []));
    }
    if (pending !== null || this.#wanted.has("links")) {
      // A right or a lock that is missing only here must not hide what else was found.
      await this.#attempt(snapshot, EVENTS, ["links", "sources"], async (lane) => {
        const [, second, ...others] = snapshot;
        await this.#compareTables([lane, second, ...others], crew, { histories, chain, pending });
      });
    }
    if (this.#wanted.has("coverage") && histories !== null)
      checkCoverage(histories, this.#options.policy ?? null, this.#report);
  }

  /** Compares events with rows; where pending cannot be read, only events with each other. */
  async #compareTables(
    snapshot: Snapshot,
    crew: Crew,
    given: { histories: Histories | null; chain: Relation; pending: Relation | null },
  ): Promise<void> {
    const { chain, pending } = given;
    const histories: Histories = given.histories ?? new Map();
    const vouched = this.#vouched;
    const sources = pending === null ? null : { pending, rows: this.#rows };
    const tables = await checkTables(snapshot, {
      histories,
      sources: sources !== null,
      vouched: vouched && (await vouchForTables(snapshot, crew, { chain: vouched, histories, sources })),
      chain,
      pending,
      range: this.#range,
      report: this.#reportOfTables(given.histories ?? NO_HISTORIES),
    });
    for (const reason of tables.unproven) this.#cannot(reason, "sources");
    this.#isTransient ||= tables.isTransient;
    this.#isRewritten ||= tables.isRewritten;
    this.#kinds = tables.kinds;
    this.#withoutSource = given.histories === null ? 0n : tables.eventsWithoutSource;
  }

  /** Whether applications get the rows that the chain knows. */
  async #checkAccess(snapshot: Snapshot): Promise<void> {
    if (!this.#wanted.has("access")) return;
    const started = performance.now();
    const histories = await this.#attempt(snapshot, CONFIG, ["access"], async (lane) => {
      return await this.#readConfig(lane, snapshot);
    });
    if (histories === null) return;
    this.#catalog ??= await this.#attempt(
      snapshot,
      "the catalog",
      ["access"],
      async (lane) => await readCatalog(lane, interestOf(histories), async (_, read) => await read()),
    );
    if (this.#catalog === null) return;
    const access = await checkAccess(snapshot, this.#catalog, histories, this.#report);
    for (const reason of access.unproven) this.#cannot(reason, "access");
    this.#warnings.push(...access.warnings);
    this.#isTransient ||= access.isTransient;
    this.#accessMs = performance.now() - started;
  }

  /** Compares the catalog with what it has to be, before anything is streamed. */
  async #checkStructure(snapshot: Snapshot): Promise<void> {
    if (!this.#wanted.has("structure")) return;
    const histories = await this.#attempt(snapshot, CONFIG, ["structure"], async (lane) => {
      return await this.#readConfig(lane, snapshot);
    });
    const structure = await checkStructure(snapshot, histories, this.#report, this.#options.policy ?? null);
    for (const reason of structure.unproven) this.#cannot(reason, "structure");
    this.#warnings.push(...structure.warnings);
    this.#isTransient ||= structure.isTransient;
    this.#catalog = structure.catalog;
  }
}
