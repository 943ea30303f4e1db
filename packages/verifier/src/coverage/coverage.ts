import type { Config, KindHistory } from "./config.ts";
import type { ReportFinding } from "@scidex/audit-reader";
import { isRecorded, withoutPrinting } from "./present.ts";
import type { Policy, TablePolicy } from "./policy.ts";

/**
 * What narrows the coverage. With a policy: whatever is less than it says. Without one: every narrowing that the
 * configuration's own history shows. The configuration is chained, but it cannot authorise its own narrowing: whoever
 * can change it can do so through the front door.
 */
export function checkCoverage(
  histories: ReadonlyMap<string, KindHistory>,
  policy: Policy | null,
  report: ReportFinding,
): void {
  for (const { configs } of histories.values()) {
    const retired = new Map<string, string>();
    for (const [i, config] of configs.entries()) {
      const before = configs[i - 1];
      if (before === undefined) continue;
      for (const { message, isAllowed } of [...narrowings(before, config), ...replacements(before, config, retired)])
        if (policy === null || !isAllowed(policy)) narrowed(report, config, message);
    }
  }
  if (policy === null) return;
  for (const [relation, table] of policy.tables) checkTable(relation, table, histories, policy, report);
}

interface Narrowing {
  readonly message: string;
  /** Whether a policy expects just this. */
  readonly isAllowed: (policy: Policy) => boolean;
}

/** What a configuration covers less than the one before it. */
function narrowings(before: Config, config: Config): Narrowing[] {
  const { relation } = config;
  const found: Narrowing[] = [];
  const add = (message: string, isAllowed: Narrowing["isAllowed"]) => found.push({ message, isAllowed });
  const tableOf = (policy: Policy) => policy.tables.get(relation);
  if (config.action === "detach" && before.action !== "detach")
    add(`${relation} was detached: its new rows are not captured any more`, (policy) => policy.detached.has(relation));
  if (before.complete && !config.complete && before.action !== "detach") {
    add(
      `${relation} was declared incomplete again, so that rows past the trigger could be admitted`,
      (policy) => tableOf(policy)?.readmit === true,
    );
  }
  const now = (column: string) => config.renamed.get(column) ?? column;
  const covered = before.columns.map(now);
  const excluded = covered.filter((column) => config.excluded.includes(column));
  if (excluded.length > 0)
    add(`${relation} covers less since then: ${list(excluded)} excluded`, (policy) =>
      excluded.every((column) => tableOf(policy)?.exclude.includes(column) === true),
    );
  // The front door refuses it: events before and after cannot be matched with the same rows.
  const switched = (
    [
      ["blind_key", before.blindKey, config.blindKey],
      ["salt", before.salt, config.salt],
    ] as const
  ).flatMap(([name, was, is]) => (was === is ? [] : [`${name} ${is ? "on" : "off"}`]));
  if (switched.length > 0)
    add(
      `${relation}: ${switched.join(" and ")} since then, which is decided when a kind is first attached`,
      () => false,
    );
  if (before.action === "detach") return found;
  const came = config.present.filter((entry) => isRecorded(entry, before.present) === "no");
  if (came.length > 0)
    add(
      `${relation} was attached again with what was not there before: ${came.map(withoutPrinting).join("; ")}`,
      (policy) => came.every((entry) => isRecorded(entry, tableOf(policy)?.present ?? []) === "yes"),
    );
  if (relation !== before.relation)
    add(
      `the kind ${config.kind} was moved from ${before.relation} to ${relation}`,
      (policy) => tableOf(policy)?.kind === config.kind,
    );
  if (before.changes === "refuse" && config.changes === "track")
    add(
      `${relation} refused changes of its rows before, and has only tracked them since then`,
      (policy) => tableOf(policy)?.changes === "track",
    );
  if (before.keyColumns.map(now).join("\0") !== config.keyColumns.join("\0"))
    add(
      `the key of ${relation} was changed from ${before.keyColumns.join(", ")} to ${config.keyColumns.join(", ")}`,
      (policy) => tableOf(policy)?.key.join("\0") === config.keyColumns.join("\0"),
    );
  return found;
}

/**
 * Names under which rows were recorded, and which now belong to another column. The verifier follows a renamed column,
 * so old rows still fit. An application reads the old name, and gets values that were never recorded. The attack: rename
 * `actor`, add another `actor`, and let old rows say whatever one likes.
 *
 * @param retired from the name that a column was recorded under to the name that it has now; brought up to date here
 */
function replacements(before: Config, config: Config, retired: Map<string, string>): Narrowing[] {
  const { renamed } = config;
  const moved = new Map([...retired].map(([name, now]) => [name, renamed.get(now) ?? now]));
  for (const column of before.columns) {
    const now = renamed.get(column);
    // A column that was dropped (renamed to nothing) makes the rows unproven: their hashes cannot be computed any more.
    if (now !== undefined && now !== "" && !moved.has(column)) moved.set(column, now);
  }
  retired.clear();
  // A column may get its own name back.
  for (const [name, now] of moved) if (name !== now) retired.set(name, now);
  const reused = [...retired.keys()].filter((name) => [...config.columns, ...config.excluded].includes(name));
  for (const name of reused) retired.delete(name);
  return reused.map((name) => ({
    message: `${config.relation}: the column ${name} is another one since then, so that what it says of older rows was never recorded`,
    isAllowed: (policy) => policy.tables.get(config.relation)?.replaced.includes(name) === true,
  }));
}

const list = (columns: readonly string[]) => `${columns.join(", ")} ${columns.length === 1 ? "is" : "are"}`;

/** Holds what is in force now against the policy. */
function checkTable(
  relation: string,
  table: TablePolicy,
  histories: ReadonlyMap<string, KindHistory>,
  policy: Policy,
  report: ReportFinding,
): void {
  const current = histories.get(table.kind)?.current;
  if (policy.detached.has(relation)) return;
  if (current === undefined || current.relation !== relation) {
    report({
      check: "coverage_narrowed",
      eventKind: table.kind,
      expected: `${relation} attached under the kind ${table.kind}`,
      actual: current === undefined ? "not attached" : `the kind covers ${current.relation}`,
      message: `${relation} is not covered, but the policy says that it must be`,
    });
    return;
  }
  if (current.action === "detach")
    return narrowed(report, current, `${relation} is detached, but the policy says that it must be covered`);
  const excluded = current.excluded.filter((column) => !table.exclude.includes(column));
  if (excluded.length > 0)
    narrowed(report, current, `${relation} leaves out ${excluded.join(", ")}, which the policy does not allow`);
  if (current.keyColumns.join("\0") !== table.key.join("\0")) {
    narrowed(
      report,
      current,
      `${relation} is keyed by ${current.keyColumns.join(", ")}, the policy says ${table.key.join(", ")}`,
    );
  }
  const unknown = current.present.filter((entry) => isRecorded(entry, table.present) === "no");
  if (unknown.length > 0)
    narrowed(
      report,
      current,
      `${relation} has what the policy does not know: ${unknown.map(withoutPrinting).join("; ")}`,
    );
  if (current.changes === "track" && table.changes === "refuse") {
    narrowed(report, current, `${relation} tracks changes, the policy says that they must be refused`);
  }
}

function narrowed(report: ReportFinding, config: Config, message: string): void {
  report({
    check: "coverage_narrowed",
    ...(config.seq === null || config.seq === 0n ? {} : { seq: config.seq }),
    eventKind: config.kind,
    message,
  });
}
