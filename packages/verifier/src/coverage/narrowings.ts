import { describeTypeChange, type Seq, textsThrough, typeChanges } from "@scidex/audit-core";
import { type Config, isDropped, joinedLate, keyMembers, type KindHistory } from "./config.ts";
import type { Finding, ReportFinding } from "@scidex/audit-reader";
import { isRecorded, withoutPrinting } from "./present.ts";
import { mendedOf } from "./repairs.ts";
import type { Policy } from "./policy.ts";
import type { TablePolicy } from "./table-policy.ts";

/**
 * What narrows the coverage. With a policy: whatever is less than it says, and whatever has narrowed it since the policy
 * was approved. Without one: every narrowing that the configuration's own history shows. The configuration is chained, but
 * it cannot authorise its own narrowing: whoever can change it can do so through the front door.
 *
 * @param approvedTo up to which link the policy approves what the history shows; 0 for none
 */
export function checkCoverage(
  histories: ReadonlyMap<string, KindHistory>,
  policy: Policy | null,
  report: ReportFinding,
  approvedTo: Seq = 0n,
): void {
  for (const history of histories.values())
    for (const { config, narrowings: found } of narrowingsOf(history)) {
      if ((config.seq ?? 0n) <= approvedTo) continue;
      // One finding a configuration: findings of one place are one.
      const sentences = found
        .filter(({ isAllowed }) => policy === null || !isAllowed(policy))
        .map(({ message }) => message);
      const advice = policy === null ? "" : `. ${HOW_TO_APPROVE}`;
      if (sentences.length > 0) narrowed(report, config, `${sentences.join("; ")}${advice}`);
    }
  if (policy !== null) for (const finding of differencesOf(histories, policy)) report(finding);
}

/** What to do about a narrowing that was meant. */
export const HOW_TO_APPROVE =
  "See it with audit-chain policy --diff FILE; if it was meant, approve it with audit-chain policy --approve FILE";

/** What each configuration of a kind covers less than the one before it, oldest first. */
export function narrowingsOf({
  configs,
}: Pick<KindHistory, "configs">): { readonly config: Config; readonly narrowings: readonly Narrowing[] }[] {
  const used = new Set(configs[0]?.members);
  return configs.map((config, i) => {
    const before = configs[i - 1];
    const found = before === undefined ? [] : [...narrowings(before, config), ...shapeChanges(before, config, used)];
    const mended = mendedOf(config).map((message) => ({ message, isAllowed: () => false }));
    return { config, narrowings: [...found, ...mended] };
  });
}

/** Where less is in force now than a policy says. */
export function differencesOf(histories: ReadonlyMap<string, KindHistory>, policy: Policy): Finding[] {
  const found: Finding[] = [];
  for (const [relation, table] of policy.tables)
    checkTable(relation, table, histories, policy, (finding) => found.push(finding));
  return found;
}

/** One way in which a configuration covers less. */
export interface Narrowing {
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
  // After a detachment, too: the rows of before are checked until the table is said to be dropped.
  if (isDropped(config)) {
    if (!isDropped(before))
      add(`${relation} was dropped: its rows cannot be checked any more`, (policy) => policy.detached.has(relation));
    return found;
  }
  if (config.action === "detach" && before.action !== "detach")
    add(`${relation} was detached: its new rows are not captured any more`, (policy) => policy.detached.has(relation));
  if (before.complete && !config.complete && before.action !== "detach") {
    add(
      `${relation} was declared incomplete again, so that rows past the trigger could be admitted`,
      (policy) => tableOf(policy)?.readmit === true,
    );
  }
  const excluded = before.columns.filter(
    (column, i) => !config.members.includes(before.members[i] ?? column) && config.excluded.includes(column),
  );
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
  if (relation !== before.relation)
    add(
      `the kind ${config.kind} was moved from ${before.relation} to ${relation}`,
      (policy) => tableOf(policy)?.kind === config.kind,
    );
  if (keyMembers(before) !== keyMembers(config))
    add(
      `the key of ${relation} was changed from ${before.keyColumns.join(", ")} to ${config.keyColumns.join(", ")}`,
      (policy) => tableOf(policy)?.key.join("\0") === config.keyColumns.join("\0"),
    );
  const hidden = hiddenColumns(before, config);
  if (hidden.length > 0)
    add(`${relation} excludes ${hidden.join(", ")}, which nobody had taken in yet`, (policy) =>
      hidden.every((column) => tableOf(policy)?.exclude.includes(column) === true),
    );
  if (before.action === "detach") return found;
  const came = config.present.filter((entry) => isRecorded(entry, before.present) === "no");
  if (came.length > 0)
    add(
      `${relation} was attached again with what was not there before: ${came.map(withoutPrinting).join("; ")}`,
      (policy) => came.every((entry) => isRecorded(entry, tableOf(policy)?.present ?? []) === "yes"),
    );
  if (before.changes === "refuse" && config.changes === "track")
    add(
      `${relation} refused changes of its rows before, and has only tracked them since then`,
      (policy) => tableOf(policy)?.changes === "track",
    );
  return found;
}

/** Columns that joined and were excluded at once. As many as were excluded before under other names may be these, renamed. */
function hiddenColumns(before: Config, config: Config): string[] {
  const known = new Set([...before.columns, ...before.excluded]);
  const hidden = config.excluded.filter((column) => !known.has(column));
  const now = new Set([...config.columns, ...config.excluded]);
  return hidden.length > before.excluded.filter((column) => !now.has(column)).length ? hidden : [];
}

/**
 * What a configuration says of columns that rows were recorded with: that they have other names now, or are gone. A name
 * that passes from one column to another fits every old row and means something else: so the auditor has to approve the
 * sentence. And what older rows have in a column can be said when it joins, and never otherwise.
 *
 * @param used all names of members until then; brought up to date here
 */
function shapeChanges(before: Config, config: Config, used: Set<string>): Narrowing[] {
  const found: Narrowing[] = [];
  if (isDropped(config)) return found;
  const add = (message: string) => found.push({ message: `${config.relation}: ${message}`, isAllowed: () => false });
  for (const [i, column] of before.columns.entries()) {
    const member = before.members[i] ?? column;
    const now = config.columns[config.members.indexOf(member)];
    if (now === undefined) {
      if (!config.excluded.includes(column))
        add(`${column} was dropped or left out, so that what was recorded in it cannot be checked any more`);
    } else if (now !== column) add(`${column} is now called ${now}`);
    const types = [before.columnTypes[i], config.columnTypes[config.members.indexOf(member)]].filter(isText);
    // What a text was follows from what it is, unless something was lost; which label was called what is only said.
    if (now !== undefined && types.length === 2)
      for (const change of typeChanges(types))
        if (change.labels !== undefined || textsThrough(types) === null) add(describeTypeChange(now, change));
    if (now !== undefined && before.absent.get(member) !== config.absent.get(member))
      add(
        `what older rows have in ${now} was decided when the column joined, and is said to be something else since then`,
      );
  }
  // attach says it of columns that join, and of nothing else.
  if (config.recordAnew && joinedLate(before, config).length === 0)
    add(
      "its rows are said to have to be recorded anew, although no column has joined: somebody wrote that past attach",
    );
  for (const [i, member] of config.members.entries()) {
    if (before.members.includes(member)) continue;
    if (used.has(member))
      add(`${config.columns[i] ?? member} stands for what was recorded as ${member}, which another column was`);
    used.add(member);
  }
  return found;
}

const isText = (text: string | undefined): text is string => text !== undefined;

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
    return narrowed(
      report,
      current,
      `${relation} is ${isDropped(current) ? "dropped" : "detached"}, but the policy says that it must be covered`,
    );
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
