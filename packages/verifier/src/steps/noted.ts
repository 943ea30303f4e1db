import {
  CHECKS,
  type Finding,
  Findings,
  type CheckGroup,
  isRefused,
  isTransient,
  reasonOf,
  VerifierError,
} from "@scidex/audit-reader";
import type { Acceptance } from "../coverage/acceptance/acceptance.ts";
import { Accepting } from "../coverage/acceptance/accepting.ts";
import { NO_GENERATIONS } from "../coverage/generations.ts";
import type { Observations } from "../report/observations.ts";
import { brokenLink } from "../rows/doubtful.ts";
import { overviewOf, type OverviewSource } from "../report/overview.ts";

/** What a look has come to know, for the report. */
type Seen = Omit<
  Observations,
  "findings" | "unproven" | "isTransient" | "isRewritten" | "warnings" | "overview" | "accepted" | "many"
> &
  OverviewSource;

const NOTHING_SEEN: Seen = {
  server: null,
  published: null,
  witnesses: null,
  from: 1n,
  chain: { to: 0n, rows: 0, last: null, anchoredTo: 0n, startsAfter: null },
  pending: null,
  eventsWithoutSource: 0n,
  notCovered: null,
  retired: [],
  erased: [],
  restored: [],
  generations: NO_GENERATIONS,
  accessMs: 0,
  stream: null,
  sums: null,
  awaitsLinking: false,
  kinds: null,
  histories: null,
};

/**
 * Takes down what one look finds, for its report: so that where the look is broken off, the report still has what was noted
 * by then. Steps get what they need from each other, not from here; only `lastBroken` is asked for while links are still
 * being reported.
 */
export class Noted {
  readonly #wanted: ReadonlySet<CheckGroup>;
  readonly #findings: Findings;
  readonly #unproven: { group: CheckGroup; reason: string }[] = [];
  readonly #warnings: string[] = [];
  #isTransient = false;
  #isRewritten = false;
  #lastBroken = 0n;
  #seen = NOTHING_SEEN;
  readonly #accepting: Accepting;

  /**
   * @param wanted the groups that were asked for
   * @param earlier what the look before has found
   * @param policy.accepted what the policy accepts, and whether the whole chain is looked at
   */
  constructor(
    wanted: readonly CheckGroup[],
    earlier: Findings | undefined,
    { accepted, isWhole }: { readonly accepted: readonly Acceptance[]; readonly isWhole: boolean },
  ) {
    this.#wanted = new Set(wanted);
    this.#findings = new Findings(earlier);
    this.#accepting = new Accepting(accepted, isWhole, this.#findings.add);
  }

  /** Whether any of these groups was asked for. */
  wants(...groups: readonly CheckGroup[]): boolean {
    return groups.some((group) => this.#wanted.has(group));
  }

  /** Takes what a check finds; of groups that were not asked for, nothing. */
  readonly report = (finding: Finding): void => {
    const group = CHECKS[finding.check];
    const broken = brokenLink(finding);
    if (broken !== undefined && broken > this.#lastBroken) this.#lastBroken = broken;
    if (this.#wanted.has(group)) this.#accepting.take(finding);
  };

  /** Takes what is a finding whatever was asked for: nothing can be said of anything else then. */
  readonly reportAlways = (finding: Finding): void => this.#findings.add(finding);

  /** The highest seq so far at which a link was found missing or broken. */
  get lastBroken(): bigint {
    return this.#lastBroken;
  }

  /** Whether nothing was found so far, and nothing could not be checked. */
  get isSound(): boolean {
    return this.#findings.count + this.#findings.unconfirmed + this.#unproven.length === 0;
  }

  /** Says why groups could not be checked, for those that were asked for. */
  cannot(reason: string, ...groups: readonly CheckGroup[]): void {
    for (const group of groups) if (this.#wanted.has(group)) this.#unproven.push({ group, reason });
  }

  /** Says why nothing could be checked of all that was asked for. */
  cannotAny(reason: string): void {
    this.cannot(reason, ...this.#wanted);
  }

  warn(warnings: readonly string[]): void {
    this.#warnings.push(...warnings);
  }

  /** Whether another look may be able to judge what this one cannot, and whether that is because of a table being rewritten. */
  mayPass({ isTransient = false, isRewritten = false }: { isTransient?: boolean; isRewritten?: boolean }): void {
    this.#isTransient ||= isTransient;
    this.#isRewritten ||= isRewritten;
  }

  /** Takes down what the report is to say beside findings. */
  saw(seen: Partial<Seen>): void {
    this.#seen = { ...this.#seen, ...seen };
  }

  /** What `read` returns; null where that was refused, which makes the groups unproven. */
  async orNull<T>(what: string, groups: readonly CheckGroup[], read: () => Promise<T>): Promise<T | null> {
    try {
      return await read();
    } catch (error) {
      if (error instanceof VerifierError && error.code === "disk") {
        this.cannot(`${what} could not be checked: ${error.message}`, ...groups);
        return null;
      }
      if (!isRefused(error)) throw error;
      this.mayPass({ isTransient: isTransient(error) });
      const role = what === CHAIN ? "scidex_audit_ro" : "scidex_audit_inspector";
      this.cannot(`${what} could not be read: ${reasonOf(error, role)}`, ...groups);
      return null;
    }
  }

  /** After the look. */
  finish(): Observations {
    const { accepted, many, unused, doubts } = this.#accepting.finish();
    for (const doubt of doubts) this.cannot(doubt, "sources");
    const isSettled = this.wants("sources") && !this.#unproven.some(({ group }) => group === "sources");
    if (isSettled) this.warn(unused.map(unusedText));
    const { kinds, histories, ...seen } = this.#seen;
    return {
      findings: this.#findings,
      unproven: this.#unproven,
      isTransient: this.#isTransient,
      isRewritten: this.#isRewritten,
      warnings: this.#warnings,
      accepted,
      many,
      ...seen,
      overview: overviewOf({ published: seen.published, kinds, histories, generations: seen.generations }),
    };
  }
}

const unusedText = ({ check, eventKind, eventPk, count, reason }: Acceptance): string =>
  `the policy accepts what is not there any more: ${check}, ${eventKind} ${eventPk ?? `(${count} findings)`} (${reason}). The entry can be taken out`;

/** What is read, as reasons name it. */
export const CHAIN = "public.audit_chain";
export const CONFIG = "public.audit_chain_config";
export const PENDING = "public.audit_chain_pending";

/** What `read` returns; null where that was refused, which is said by those who cannot do without it. */
export async function unlessRefused<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (!isRefused(error)) throw error;
    return null;
  }
}
