import { formatSeconds, type Seq } from "@scidex/audit-core";
import { type Config, CONFIG_KIND, historiesOf } from "./config.ts";
import { differencesOf, narrowingsOf } from "./narrowings.ts";
import type { Policy } from "./policy.ts";
import { notComparedText } from "./check-generations.ts";
import { putBackBy } from "./repairs.ts";
import type { RecordedTable } from "./generations.ts";
import { isRecorded, withoutPrinting } from "./present.ts";

/** One thing that a configuration has changed. */
export interface DescribedChange {
  /** The link that records the configuration. */
  readonly seq: Seq;
  /** When, and by whom, as the database knew it. */
  readonly recordedAt: string;
  readonly actor: string;
  readonly kind: string;
  /** The sentence. Names in it come from the database. */
  readonly text: string;
  readonly narrows: boolean;
  /** Whether it narrows, and the policy's tables do not expect just this. */
  readonly needsApproval: boolean;
}

/** One thing in which what is covered now is not what a policy's tables say. */
export interface DescribedDifference {
  readonly kind: string;
  readonly text: string;
  readonly narrows: boolean;
}

/**
 * What the configuration's history has changed since a policy was approved, or since the beginning, in the order of the
 * chain. One that widens the coverage is said too: a narrowing is only understood beside it.
 *
 * @param history what was covered since when: `coverage` of a verification's overview
 */
export function describeChanges(history: readonly Config[], policy: Policy): DescribedChange[] {
  const since = policy.approved?.seq ?? 0n;
  return [...historiesOf(history).values()]
    .flatMap((kindHistory) =>
      narrowingsOf(kindHistory).flatMap(({ config, narrowings }, i) => {
        const { seq, recordedAt, actor, kind } = config;
        if (seq === null || seq <= since) return [];
        const about = { seq, recordedAt, actor, kind };
        const others = othersOf(kindHistory.configs[i - 1], config);
        return [
          ...narrowings.map(({ message, isAllowed }) => ({
            ...about,
            text: message,
            narrows: true,
            needsApproval: !isAllowed(policy),
          })),
          ...(narrowings.length + others.length === 0
            ? [`${config.relation} was attached again as it was`]
            : others
          ).map((text) => ({ ...about, text, narrows: false, needsApproval: false })),
        ];
      }),
    )
    .toSorted((a, b) => (a.seq < b.seq ? -1 : a.seq > b.seq ? 1 : 0));
}

/**
 * What could not be compared when rows were recorded anew, since a policy was approved, in the order of the chain.
 *
 * @param recorded what was recorded anew: `recordedAnew` of a verification's overview
 */
export function describeRecorded(
  history: readonly Config[],
  recorded: readonly RecordedTable[],
  policy: Policy,
): DescribedChange[] {
  const since = policy.approved?.seq ?? 0n;
  const histories = historiesOf(history);
  return recorded.flatMap((table) => {
    const { seq, signedTime, kind } = table;
    const text = notComparedText(histories.get(kind)?.current.relation ?? kind, table);
    if (seq <= since || text === null) return [];
    const recordedAt = formatSeconds(signedTime);
    return [{ seq, recordedAt, actor: "the publisher", kind, text, narrows: true, needsApproval: true }];
  });
}

/** In what the configuration that is in force now differs from a policy's tables. */
export function describeDifferences(history: readonly Config[], policy: Policy): DescribedDifference[] {
  const histories = historiesOf(history);
  histories.delete(CONFIG_KIND);
  const less = differencesOf(histories, policy).map(({ eventKind = "", message }) => ({
    kind: eventKind,
    text: message,
    narrows: true,
  }));
  const more = [...histories.values()].flatMap(({ kind, current }) =>
    current.action === "detach" ? [] : wider(current, policy).map((text) => ({ kind, text, narrows: false })),
  );
  return [...less, ...more];
}

/** What each kind was covered by just after a link, without those that were detached by then. */
export function coveredAt(history: readonly Config[], seq: Seq): Config[] {
  const until = history.filter((config) => config.seq !== null && config.seq <= seq);
  return [...historiesOf(until).values()]
    .map(({ current }) => current)
    .filter(({ kind, action }) => kind !== CONFIG_KIND && action !== "detach");
}

/** What is more than the policy says, or stricter. */
function wider({ relation, kind, excluded, changes }: Config, policy: Policy): string[] {
  const table = policy.tables.get(relation);
  if (table === undefined) return [`${relation} is covered, and the policy does not know it yet`];
  if (table.kind !== kind) return [`${relation} is covered under the kind ${kind}, the policy says ${table.kind}`];
  const included = table.exclude.filter((column) => !excluded.includes(column));
  return [
    ...(included.length === 0
      ? []
      : [`${relation} does not leave out ${included.join(", ")}, which the policy allows`]),
    ...(changes === "refuse" && table.changes === "track"
      ? [`${relation} refuses changes, the policy allows that they are only tracked`]
      : []),
  ];
}

/** What a configuration changes without narrowing anything. */
function othersOf(before: Config | undefined, config: Config): string[] {
  const { relation } = config;
  if (config.action === "detach") return [];
  if (config.action === "repair") return putBack(config);
  if (before === undefined || before.action === "detach") return [beginning(config)];
  const sentences: string[] = [];
  const say = (columns: readonly string[], text: (names: string) => string) => {
    if (columns.length > 0) sentences.push(`${relation} ${text(columns.join(", "))}`);
  };
  // What was renamed or dropped narrows.
  for (const [i, column] of config.columns.entries()) {
    const member = config.members[i] ?? column;
    const type = before.columnTypes[before.members.indexOf(member)];
    const absent = config.absent.get(member);
    if (type === undefined)
      sentences.push(
        `${relation} covers ${column} too${absent === undefined ? "" : `, in which older rows have ${JSON.stringify(absent)}`}`,
      );
    else if (type !== config.columnTypes[i])
      sentences.push(`${relation}: the type of ${column} is ${config.columnTypes[i] ?? "unknown"}, and was ${type}`);
  }
  say(
    config.excluded.filter((column) => ![...before.columns, ...before.excluded].includes(column)),
    (names) => `leaves out ${names}, not covered before either`,
  );
  say(
    before.excluded.filter((column) => ![...config.excluded, ...config.columns].includes(column)),
    (names) => `does not leave out ${names} any more`,
  );
  if (!before.recordAnew && config.recordAnew)
    sentences.push(
      `${relation} has older rows that are to be recorded anew: a column that joined has another value there`,
    );
  const gone = before.present.filter((entry) => isRecorded(entry, config.present) === "no");
  say(gone.map(withoutPrinting), (entries) => `was attached again without what was there before: ${entries}`);
  if (before.changes === "track" && config.changes === "refuse")
    sentences.push(`${relation} refuses changes of its rows, and tracked them before`);
  if (before.mode !== config.mode)
    sentences.push(`${relation} is captured in ${config.mode} mode, and was in ${before.mode} mode`);
  if (!before.complete && config.complete)
    sentences.push(`${relation} is complete: its rows of before are chained too`);
  return sentences;
}

function putBack(config: Config): string[] {
  const count = putBackBy(config);
  return count === 0 ? [] : [`${count} owners, rights and roles of the audit chain were put back by init --repair`];
}

function beginning({ relation, kind, keyColumns, columns, excluded, changes, mode, complete }: Config): string {
  const without = excluded.length === 0 ? "" : ` without ${excluded.join(", ")}`;
  const rows = complete ? "" : ", not yet with its rows of before";
  return `${relation} is covered under the kind ${kind}, keyed by ${keyColumns.join(", ")}, with ${columns.join(", ")}${without}; changes are ${changes === "track" ? "tracked" : "refused"}, the mode is ${mode}${rows}`;
}
