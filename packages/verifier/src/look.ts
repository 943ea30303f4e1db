import { randomBytes } from "node:crypto";
import type { HeadTrust } from "@scidex/audit-core";
import type { Sql } from "postgres";
import { checkChain, type ChainResult } from "./check-chain.ts";
import { checkTables } from "./check-tables.ts";
import { clockDoubt, lagReason, mayLag } from "./causes.ts";
import { checkCoverage } from "./coverage.ts";
import { VerifierError } from "./errors.ts";
import { CHECKS, type Finding, type Group } from "./finding.ts";
import { Crew } from "./fast/crew.ts";
import { TAG_KEY_BYTES } from "./fast/kernel.ts";
import { vouchForLinks, type VouchedChain } from "./fast/vouch-links.ts";
import { vouchForTables } from "./fast/vouch-tables.ts";
import type { Findings } from "./findings.ts";
import { HeadChecker } from "./head-checker.ts";
import { type PublishedHeads, readPublishedHeads } from "./heads.ts";
import type { KindCounts } from "./kind-tally.ts";
import { type Overview, overviewOf } from "./overview.ts";
import { type Range, resolveRange } from "./range.ts";
import { countPages, readLength } from "./read-chain.ts";
import { type Histories, NO_HISTORIES, readHistories } from "./read-histories.ts";
import { type Pending, readPending } from "./read-pending.ts";
import { readReplayTime, readSystemIdentifier } from "./read-server.ts";
import { isRefused, isTransient, reasonOf } from "./refused.ts";
import { lockAgainstRewriting, REWRITTEN } from "./rewritten.ts";
import { describeShape, hasColumns, OWN_SHAPES, readShape } from "./shape.ts";
import { type Lane, type Snapshot, withSnapshot } from "./snapshot.ts";
import { checkStructure } from "./structure/check-structure.ts";
import { EMPTY_STATE, type KnownServer } from "./verifier-state.ts";
import {
  DEFAULT_CHECKS,
  defaultJobs,
  MIN_ROWS_FOR_JOBS,
  VERIFY_DEFAULTS,
  type VerifyOptions,
} from "./verify-options.ts";

const CHAIN = "public.audit_chain";
const CONFIG = "public.audit_chain_config";
const PENDING = "public.audit_chain_pending";
/** Of 8 kB: links with the shortest labels. */
const MOST_LINKS_ON_A_PAGE = 41;
const EVENTS = "the events of the chain and of pending";

/** What one look at the database has found. */
export interface LookResult {
  readonly findings: Findings;
  readonly unproven: readonly { readonly group: Group; readonly reason: string }[];
  /** Whether something could not be judged that another look may be able to judge. */
  readonly isTransient: boolean;
  /** Whether a table was rewritten between the snapshot and its lock, which a few more looks will not always meet. */
  readonly isRewritten: boolean;
  readonly warnings: readonly string[];
  /** Null where it could not be told. */
  readonly server: KnownServer | null;
  readonly published: PublishedHeads | null;
  readonly from: bigint;
  readonly chain: ChainResult;
  readonly pending: Pending | null;
  readonly eventsWithoutSource: bigint;
  readonly overview: Overview;
}

/** Looks once at the sinks, and then at one snapshot of the database. */
export async function look(
  sql: Sql,
  trust: HeadTrust,
  options: VerifyOptions,
  findings: Findings,
): Promise<LookResult> {
  return await new Look(trust, options, findings).run(sql);
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
  /** About how many links there are at most, and how many jobs they are worth. */
  #expected = { rows: 0, pages: 0 };
  #jobs = 1;
  #vouched: VouchedChain | null = null;
  #histories: Histories | null = null;

  constructor(trust: HeadTrust, options: VerifyOptions, findings: Findings) {
    this.#trust = trust;
    this.#options = options;
    this.#findings = findings;
    this.#wanted = new Set(options.checks ?? DEFAULT_CHECKS);
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
      const isDoubtful =
        CHECKS[finding.check] === "sources" && seq !== undefined && seq < this.#lastBroken && isTracked;
      this.#report(isDoubtful ? unlocated : finding);
    };
  }

  async run(sql: Sql): Promise<LookResult> {
    this.#isStandby = () => sql.parameters["in_hot_standby"] === "on";
    this.#server = { systemIdentifier: null, database: sql.options.database };
    // Sinks are read before the snapshot is taken: a head that is published later cannot look like a cut.
    if (this.#wanted.has("heads")) await this.#readHeads();
    let crew: Crew | undefined;
    const work = async (snapshot: Snapshot) => {
      crew = new Crew(Math.min(this.#jobs, snapshot.length));
      await this.#lookAt(snapshot, crew);
    };
    try {
      await withSnapshot(sql, work, async (lane) => await this.#planJobs(lane));
    } finally {
      // Not where the work ends: it may never do so where a connection is lost.
      await crew?.close();
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
      overview: overviewOf(this.#published, this.#kinds, this.#histories),
    };
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
      if (!isRefused(error)) throw error;
      this.#isTransient ||= isTransient(error);
      const role = what === CHAIN ? "scidex_audit_ro" : "scidex_audit_inspector";
      this.#cannot(`${what} could not be read: ${reasonOf(error, role)}`, ...groups);
      return null;
    }
  }

  /** How many jobs the chain is worth. Returns how many connections they need. */
  async #planJobs(lane: Lane): Promise<number> {
    const pages = await lane.attempt(countPages).catch((error: unknown) => {
      if (!isRefused(error)) throw error;
      return 0;
    });
    this.#expected = { rows: pages * MOST_LINKS_ON_A_PAGE, pages };
    const byDefault = this.#expected.rows < MIN_ROWS_FOR_JOBS ? 1 : defaultJobs();
    this.#jobs = this.#options.jobs ?? byDefault;
    return this.#jobs;
  }

  /**
   * The fast way through a whole chain: says that nothing is wrong with it, or nothing at all. Null also where less than
   * the whole is asked for.
   */
  async #vouch(snapshot: Snapshot, crew: Crew): Promise<VouchedChain | null> {
    const { from, to, unchained, pending } = this.#range;
    if (this.#options.plain === true || !this.#judgesTimes || from !== 1n || to !== undefined || !unchained || !pending)
      return null;
    return await vouchForLinks(snapshot, crew, {
      published: this.#published,
      now: this.#now,
      hashes: this.#wanted.has("links") || this.#published !== null,
      expected: this.#expected,
      tagKey: randomBytes(TAG_KEY_BYTES),
      onProgress: this.#options.onProgress,
    });
  }

  async #lookAt(snapshot: Snapshot, crew: Crew): Promise<void> {
    await this.#identify(snapshot);
    const isChain = await this.#isTable(snapshot, "audit_chain");
    await this.#checkStructure(snapshot);
    if (!isChain) {
      this.#cannot("there is no chain to be checked", "links", "sources", "coverage");
      const heads = this.#published;
      if (heads !== null)
        new HeadChecker(heads.heads, heads.names, { size: 0n, hashes: [] }, this.#report).finish(false);
      return;
    }
    const chain = await this.#attempt(snapshot, CHAIN, ["links", "heads", "sources"], async (lane) => {
      if (await lockAgainstRewriting(lane, "public", "audit_chain")) return REWRITTEN;
      const heads = this.#published?.heads ?? [];
      const needsLength = this.#options.shard !== undefined && heads.length === 0;
      this.#range = resolveRange(this.#options, heads, needsLength ? await readLength(lane) : 0n);
      this.#vouched = await this.#vouch(snapshot, crew);
      if (this.#vouched !== null) return this.#vouched.chain;
      const { onProgress } = this.#options;
      const options = { range: this.#range, published: this.#published, now: this.#judgesTimes ? this.#now : null };
      return await checkChain(lane, { ...options, report: this.#report, onProgress });
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
    await this.#checkTables(snapshot, crew);
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

  /** Whether one of the chain's own tables is what it must be; reports it where it is something else. */
  async #isTable(snapshot: Snapshot, name: keyof typeof OWN_SHAPES): Promise<boolean> {
    // Given back at once: DDL on a catalog would queue behind its lock, and our other connection behind that DDL.
    const shape = await snapshot[0].attempt(async (lane) => await readShape(lane, "public", name));
    if (hasColumns(shape, OWN_SHAPES[name])) return true;
    if (shape === null && name === "audit_chain" && this.#published === null)
      throw new VerifierError(
        "not_initialised",
        "There is no table public.audit_chain in this database. Run audit-chain init, or check the database URL.",
      );
    // Whatever was asked for: nothing can be said of a chain that is none.
    this.#findings.add({
      check: "relation_changed",
      expected: `a table with the columns ${OWN_SHAPES[name].map(([column, type]) => `${column} ${type}`).join(", ")}`,
      actual: describeShape(shape),
      message: `public.${name} is not the table that it was`,
    });
    return false;
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
      actual: `${age / 1000n} s ago`,
      message: `the publisher has signed nothing for longer than allowed: it was stopped, or its heads do not reach the sinks (or the clock here, ${new Date(Number(this.#now / 1000n)).toISOString()}, is ahead)`,
    });
  }

  async #checkTables(snapshot: Snapshot, crew: Crew): Promise<void> {
    let histories: Histories | null = null;
    if (this.#wanted.has("sources") || this.#wanted.has("coverage")) {
      histories = (await this.#isTable(snapshot, "audit_chain_config"))
        ? await this.#attempt(snapshot, CONFIG, ["sources", "coverage"], readHistories)
        : NO_HISTORIES;
      this.#histories = histories;
    }
    let hasPending = false;
    if (this.#wanted.has("sources") && histories !== null && (await this.#isTable(snapshot, "audit_chain_pending"))) {
      this.#pending = await this.#attempt(snapshot, PENDING, ["sources"], readPending);
      hasPending = this.#pending !== null;
      this.#warnings.push(...(this.#pending?.warnings ?? []));
    }
    const sources = this.#wanted.has("sources") && histories !== null && hasPending;
    if (sources || this.#wanted.has("links")) {
      // A right or a lock that is missing only here must not hide what else was found.
      await this.#attempt(snapshot, EVENTS, ["links", "sources"], async (lane) => {
        const [, second, ...others] = snapshot;
        await this.#compareTables([lane, second, ...others], crew, { histories, sources, pending: hasPending });
      });
    }
    if (this.#wanted.has("coverage") && histories !== null)
      checkCoverage(histories, this.#options.policy ?? null, this.#report);
  }

  /** Compares events with rows; without `sources`, only events with each other. */
  async #compareTables(
    snapshot: Snapshot,
    crew: Crew,
    given: { histories: Histories | null; sources: boolean; pending: boolean },
  ): Promise<void> {
    const { sources, pending } = given;
    const histories = given.histories ?? new Map();
    const chain = this.#vouched;
    const tables = await checkTables(snapshot, {
      histories,
      sources,
      vouched: chain && (await vouchForTables(snapshot, crew, { chain, histories, sources })),
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

  /** Compares the catalog with what it has to be, before anything is streamed. */
  async #checkStructure(snapshot: Snapshot): Promise<void> {
    if (!this.#wanted.has("structure")) return;
    const histories = await this.#attempt(snapshot, CONFIG, ["structure"], readHistories);
    const structure = await checkStructure(snapshot, histories, this.#report, this.#options.policy ?? null);
    for (const reason of structure.unproven) this.#cannot(reason, "structure");
    this.#warnings.push(...structure.warnings);
    this.#isTransient ||= structure.isTransient;
  }
}
