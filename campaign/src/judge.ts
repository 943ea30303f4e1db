import type { Expected, Where } from "./attack.ts";
import type { Ended } from "./world/programs.ts";

/** A finding of the report, as far as it is looked at. */
export interface Finding {
  readonly check: string;
  readonly seq?: number;
  readonly from_seq?: number;
  readonly to_seq?: number;
  readonly event_kind?: string;
  readonly event_pk?: string;
  readonly message?: string;
}

/** What audit-verify or audit-publisher has said, as far as a trial judges it. */
export interface JudgedReport {
  readonly status: string;
  readonly divergences: readonly Finding[];
  readonly first_divergence: Finding | null;
  readonly checks?: Readonly<Record<string, string>>;
  readonly unproven?: readonly string[];
  readonly warnings?: readonly string[];
}

/** What a trial has shown. */
export interface Verdict {
  readonly detected: boolean;
  readonly located: boolean;
  /** Checks that the attacker's own clumsiness has set off. */
  readonly clumsy: readonly string[];
}

export function parseReport(ended: Ended): JudgedReport | null {
  try {
    const report = JSON.parse(ended.stdout) as JudgedReport;
    return Array.isArray(report.divergences) ? report : null;
  } catch {
    return null;
  }
}

/** What a report says that it must not say of an honest database; null if it says nothing. */
export function falseAlarm(ended: Ended): string | null {
  const report = parseReport(ended);
  if (report === null) return `no report, exit ${ended.exit}: ${ended.stderr.trim() || ended.stdout.trim()}`;
  if (ended.exit === 0 && report.status === "intact") return null;
  return JSON.stringify({ exit: ended.exit, divergences: report.divergences.slice(0, 3), unproven: report.unproven });
}

/** Judges a report: detected is the right exit code and an expected check, located is that check in the right place. */
export function judge(ended: Ended, expected: Expected): Verdict {
  const report = parseReport(ended);
  if (report === null) return { detected: false, located: false, clumsy: [] };
  if (expected.exit === 3) return judgeUnproven(ended, report, expected);
  if (expected.exit === 0) {
    const isClean = ended.exit === 0 && report.status === "intact" && report.divergences.length === 0;
    return { detected: isClean, located: isClean, clumsy: [] };
  }
  if (expected.by === "publisher") {
    const refused = ended.exit === 1 && report.status === "tampered" && report.divergences.length > 0;
    return { detected: refused, located: refused, clumsy: [] };
  }
  return {
    ...judgeFindings(
      report.status === "tampered" && ended.exit === 1 ? report : { ...report, divergences: [] },
      expected,
    ),
    clumsy: (expected.silent ?? []).filter((check) => report.divergences.some((finding) => finding.check === check)),
  };
}

export function judgeFindings(report: JudgedReport, expected: Expected): { detected: boolean; located: boolean } {
  const { divergences, first_divergence: first } = report;
  const checks = new Set(expected.found.map(({ check }) => check));
  const detected = divergences.some(({ check }) => checks.has(check));
  const isFirst = expected.first === undefined || first?.seq === expected.first;
  const isThere = (where: Where): boolean => divergences.some((finding) => isAt(finding, where));
  const isFound = expected.all === true ? expected.found.every(isThere) : expected.found.some(isThere);
  const located = detected && isFirst && isFound;
  return { detected, located };
}

function judgeUnproven(ended: Ended, report: JudgedReport, expected: Expected): Verdict {
  const detected = ended.exit === 3 && report.status === "unproven";
  const reasons = (report.unproven ?? []).join("\n");
  const located =
    detected &&
    expected.found.every(
      ({ check, names = [] }) =>
        report.checks?.[check] === "unproven" && [names].flat().every((name) => reasons.includes(name)),
    );
  return { detected, located, clumsy: [] };
}

function isAt(finding: Finding, where: Where): boolean {
  const names = typeof where.names === "string" ? [where.names] : (where.names ?? []);
  const text = JSON.stringify([finding.message, finding.event_pk, finding.event_kind]);
  return (
    finding.check === where.check &&
    (where.seq === undefined || finding.seq === where.seq) &&
    (where.interval === undefined ||
      (finding.from_seq === where.interval[0] && finding.to_seq === where.interval[1])) &&
    (where.kind === undefined || finding.event_kind === where.kind) &&
    (where.pk === undefined || finding.event_pk === where.pk) &&
    names.every((name) => text.includes(JSON.stringify(name).slice(1, -1)))
  );
}
