import { formatTime, type Micros } from "@scidex/audit-core";
import type { Finding, ReportFinding } from "@scidex/audit-reader";
import { parseIsoDuration } from "../coverage/iso-duration.ts";
import type { Policy } from "../coverage/policy.ts";
import type { ChangeBreak, KeyGroup } from "./key-group.ts";

/** The policy's rule by which rows of a table may be missing. */
interface RetentionRule {
  readonly kind: string;
  readonly relation: string;
  /** As the policy has it. */
  readonly text: string;
  readonly age: Micros;
  /** A row that was last changed before may be missing. */
  readonly before: Micros;
  /** Whether no older row may be there than one that is missing. */
  readonly isWhole: boolean;
}

/** The rule for a table; null where the policy has none for just this table under this kind. */
export function retentionRule(
  policy: Policy | null,
  kind: string,
  relation: string,
  now: Micros,
): RetentionRule | null {
  const table = policy?.tables.get(relation);
  const text = table?.retention;
  const ms = text === undefined ? undefined : parseIsoDuration(text);
  if (table === undefined || table.kind !== kind || text === undefined || ms === undefined) return null;
  const age = BigInt(ms) * 1_000n;
  return { kind, relation, text, age, before: now - age, isWhole: table.whole === true };
}

/** Rows of a kind that are missing by its table's retention. */
export interface RetiredRows {
  readonly kind: string;
  /** Of their last change, in UTC: `2026-11`. */
  readonly month: string;
  readonly rows: number;
}

/** A row that is missing by the rule. */
interface Retired {
  readonly changedAt: Micros;
  readonly finding: Omit<Finding, "message">;
}

/** So many of the newest missing rows are kept, to be named should an older one be there. */
const MAX_KEPT = 1_000;

/**
 * Holds missing rows of one table against its retention. A row's age counts from its newest event that is none of the role
 * `record`: from its last change, or from its backfill. Its table being recorded anew makes it no younger.
 */
export class Retention {
  readonly #rule: RetentionRule;
  readonly #report: ReportFinding;
  readonly #months = new Map<string, number>();
  /** The newest missing rows, among others. */
  #newest: Retired[] = [];
  #oldestKept: Micros | undefined;
  readonly warnings: string[] = [];

  constructor(rule: RetentionRule, report: ReportFinding) {
    this.#rule = rule;
    this.#report = report;
  }

  /** A row that is there. */
  kept({ changedAt }: KeyGroup): void {
    if (changedAt !== null && (this.#oldestKept === undefined || changedAt < this.#oldestKept))
      this.#oldestKept = changedAt;
  }

  /**
   * Whether a row may be missing. What waits to be linked has just been written, unless it says that the row was retired. The
   * event of that must have come when the row was old enough: that it is by now is no excuse.
   */
  isOver({ changedAt, newest }: KeyGroup): boolean {
    if (changedAt === null || newest === undefined) return false;
    const { before, age } = this.#rule;
    if (newest.op !== "retire") return newest.seq !== null && changedAt < before;
    if (newest.seq === null) return changedAt < before;
    return newest.appendedAt !== null && changedAt < newest.appendedAt - age;
  }

  /** A row that is missing. */
  gone(group: KeyGroup, finding: Omit<Finding, "message">): void {
    const { relation, text } = this.#rule;
    const { changedAt, newest } = group;
    if (changedAt === null || !this.isOver(group)) {
      const how = newest?.op === "retire" ? "was retired, and was" : "is gone, and";
      this.#report({ ...finding, message: `the row of ${relation} ${how} younger than its retention of ${text}` });
      return;
    }
    const month = formatTime(changedAt).slice(0, 7);
    this.#months.set(month, (this.#months.get(month) ?? 0) + 1);
    this.#newest.push({ changedAt, finding });
    if (this.#newest.length > 2 * MAX_KEPT) this.#prune();
  }

  /** Whether a key was used again after its row could have been retired. */
  isUsedAgain({ after, event, actual }: ChangeBreak): boolean {
    if (actual !== "no row" || after === null || after.appendedAt === null || event.appendedAt === null) return false;
    return event.appendedAt - after.appendedAt > this.#rule.age;
  }

  #prune(): void {
    this.#newest = this.#newest.toSorted((a, b) => (a.changedAt > b.changedAt ? -1 : 1)).slice(0, MAX_KEPT);
  }

  /** After the last row: who retires by age leaves no older row behind than one that is gone. */
  finish(): void {
    const { relation, isWhole } = this.#rule;
    const oldest = this.#oldestKept;
    this.#prune();
    const [newest] = this.#newest;
    if (newest === undefined || oldest === undefined || newest.changedAt <= oldest) return;
    const since = formatTime(oldest);
    if (!isWhole) {
      this.warnings.push(
        `${relation}: rows were retired up to one last changed at ${formatTime(newest.changedAt)}, and older ones are still there, the oldest last changed at ${since}: somebody may have chosen which`,
      );
      return;
    }
    for (const { finding } of this.#newest.filter(({ changedAt }) => changedAt > oldest))
      this.#report({
        ...finding,
        message: `the row of ${relation} is gone by its retention, although an older one is still there, last changed at ${since}: the policy says that rows are retired whole`,
      });
  }

  /** Oldest month first. */
  get retired(): RetiredRows[] {
    const { kind } = this.#rule;
    return [...this.#months].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([month, rows]) => ({ kind, month, rows }));
  }
}
