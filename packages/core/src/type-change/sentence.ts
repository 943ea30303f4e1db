import { type DescribedType, describedType } from "./described-type.ts";
import type { TypeChange } from "./texts-before.ts";

/**
 * A change of a column's type in words, for whoever approves it. Nothing is cut short. Names are quoted as the database has
 * them: whoever prints the sentence on a terminal escapes it.
 *
 *     orders.total: numeric(10,2) is now numeric(14,4)
 *     orders.made_at: timestamp without time zone is now timestamp with time zone, by the clock of Europe/Berlin
 *     orders.state: the label "approved" is now called "rejected"; the label "open" is new
 *
 * @param column the table's name and the column's, with a dot between
 */
export function describeTypeChange(column: string, change: TypeChange): string {
  const [before, now] = [described(change.before), described(change.now)];
  const areLabels = before.kind === "enum" && now.kind === "enum";
  const parts = areLabels && before.name === now.name ? [] : [`${before.name} is now ${now.name}`];
  if (parts[0] !== undefined && before.hasZone !== now.hasZone && change.zone !== undefined) {
    parts[0] += `, by the clock of ${change.zone.name}`;
  }
  if (areLabels) parts.push(...labelsIn(before.labels, now.labels, change.labels));
  return `${column}: ${parts.length === 0 ? "the labels have another order now" : parts.join("; ")}`;
}

function labelsIn(
  before: readonly string[],
  now: readonly string[],
  renamed: ReadonlyMap<string, string> = new Map(),
): string[] {
  const called = (label: string): string => renamed.get(label) ?? label;
  const kept = new Set(before.map(called));
  return [
    ...before
      .filter((label) => called(label) !== label)
      .map((label) => `the label ${JSON.stringify(label)} is now called ${JSON.stringify(called(label))}`),
    ...before
      .filter((label) => !now.includes(called(label)))
      .map((label) => `the label ${JSON.stringify(called(label))} is gone`),
    ...now.filter((label) => !kept.has(label)).map((label) => `the label ${JSON.stringify(label)} is new`),
  ];
}

/** A type as a sentence has it: by its description, but for an enum's labels. */
function described(description: string): {
  name: string;
  kind: DescribedType["kind"];
  labels: readonly string[];
  hasZone: boolean;
} {
  const type = describedType(description);
  const element = type.kind === "array" ? type.element : type;
  const isEnum = element.kind === "enum";
  return {
    name: isEnum ? description.slice(0, -(element.text.length - element.name.length)) : description,
    kind: element.kind,
    labels: isEnum ? element.labels : [],
    hasZone: element.kind === "builtin" && element.name.endsWith(" with time zone"),
  };
}
