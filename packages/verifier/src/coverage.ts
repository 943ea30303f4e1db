import type { Config, KindHistory } from "./config.ts";
import type { Report } from "./finding.ts";
import type { Policy, TablePolicy } from "./policy.ts";

/**
 * What narrows the coverage: with a policy, whatever is less than it says; without one, every narrowing that the
 * configuration's own history shows. The configuration is chained, but whoever can change it can do so through the front
 * door: it cannot authorise its own narrowing.
 */
export function checkCoverage(
  histories: ReadonlyMap<string, KindHistory>,
  policy: Policy | null,
  report: Report,
): void {
  for (const history of histories.values()) {
    for (const [i, config] of history.configs.entries()) {
      const before = history.configs[i - 1];
      if (before === undefined) continue;
      const table = policy?.tables.get(config.relation) ?? policy?.tables.get(before.relation) ?? null;
      for (const message of narrowings(before, config)) {
        if (!isAllowed(config, table, policy)) narrowed(report, config, message);
      }
    }
  }
  if (policy === null) return;
  for (const [relation, table] of policy.tables) checkTable(relation, table, histories, policy, report);
}

/** What a configuration covers less than the one before it. */
function narrowings(before: Config, config: Config): string[] {
  const messages: string[] = [];
  if (config.action === "detach" && before.action !== "detach")
    messages.push(`${config.relation} was detached: its new rows are not captured any more`);
  if (before.complete && !config.complete && before.action !== "detach") {
    messages.push(`${config.relation} was declared incomplete again, so that rows past the trigger could be admitted`);
  }
  const more = config.excluded.filter((column) => !before.excluded.includes(column) && before.columns.includes(column));
  if (more.length > 0)
    messages.push(
      `${config.relation} covers less since then: ${more.join(", ")} ${more.length === 1 ? "is" : "are"} excluded`,
    );
  if (before.action !== "detach" && config.relation !== before.relation)
    messages.push(`the kind ${config.kind} was moved from ${before.relation} to ${config.relation}`);
  return messages;
}

function isAllowed(config: Config, table: TablePolicy | null, policy: Policy | null): boolean {
  if (policy === null) return false;
  if (config.action === "detach") return policy.detached.has(config.relation);
  if (table === null) return false;
  if (config.action === "readmit") return table.readmit;
  return config.excluded.every((column) => table.exclude.includes(column));
}

/** Holds what is in force now against the policy. */
function checkTable(
  relation: string,
  table: TablePolicy,
  histories: ReadonlyMap<string, KindHistory>,
  policy: Policy,
  report: Report,
): void {
  const current = histories.get(table.kind)?.current;
  if (policy.detached.has(relation)) return;
  if (current === undefined || current.relation !== relation) {
    report({
      check: "coverage_narrowed",
      event_kind: table.kind,
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
  if (current.changes === "track" && table.changes === "refuse") {
    narrowed(report, current, `${relation} tracks changes, the policy says that they must be refused`);
  }
}

function narrowed(report: Report, config: Config, message: string): void {
  report({
    check: "coverage_narrowed",
    ...(config.seq === null || config.seq === 0n ? {} : { seq: config.seq }),
    event_kind: config.kind,
    message,
  });
}
