import type { TableEntry, TableOptions } from "../config/audit-config.ts";
import { kindFor } from "../config/kinds.ts";
import type { DatabaseTable } from "../database/database-tables.ts";
import type { Difference } from "./differences.ts";
import type { AttachedTable } from "./read-attached.ts";

/** What a configuration asks of one table, in the table's own words. */
export function optionsFor({ pattern, options }: TableEntry, table: DatabaseTable): TableOptions {
  const { exclude, kind, ...others } = options;
  // A pattern's list is for many tables: each leaves out what it has of it.
  const own = pattern.isExact ? exclude : exclude?.filter((name) => table.columns.includes(name));
  return {
    ...others,
    ...(own === undefined ? {} : { exclude: own }),
    ...(kind === undefined ? {} : { kind: kindFor(kind, table) }),
  };
}

/**
 * Where an attached table is not audited as the configuration says. What that leaves out may be as it likes. So may the kind
 * of a table that a pattern names: a kind never changes, and the pattern may have come later.
 */
export function optionDifferences(table: AttachedTable, wanted: TableOptions, isExact: boolean): Difference[] {
  const { mode, changes, fallback, retention, blindKey, salt, kind } = wanted;
  const narrowsChanges = table.changes === "refuse";
  return [
    ...differs("mode", table.mode, mode, { narrows: false }),
    ...differs("changes", table.changes, changes, { narrows: narrowsChanges }),
    ...differs("fallback", table.fallback, fallback, { narrows: false }),
    ...differs("retention", table.retention ?? "none", retention, { narrows: false }),
    ...keyDifference(table, wanted),
    ...excludeDifference(table, wanted),
    ...differs("blind_key", String(table.blindKey), blindKey?.toString(), {
      narrows: false,
      blocked: decided("blind_key"),
    }),
    ...differs("salt", String(table.salt), salt?.toString(), { narrows: false, blocked: decided("salt") }),
    ...(isExact ? differs("kind", table.kind, kind, { narrows: false, blocked: "a kind cannot change" }) : []),
  ];
}

const decided = (option: string) => `${option} is decided when the table is first attached`;

function differs(option: string, now: string, wanted: string | undefined, how: Omit<Difference, "text">): Difference[] {
  return wanted === undefined || wanted === now
    ? []
    : [{ ...how, text: `${option} is ${now}, and is to be ${wanted}` }];
}

function keyDifference(table: AttachedTable, { key }: TableOptions): Difference[] {
  const now = namesNow(table, table.keyColumns);
  return differs("key", now.join(", "), key?.join(", "), { narrows: true });
}

function excludeDifference(table: AttachedTable, { exclude }: TableOptions): Difference[] {
  if (exclude === undefined) return [];
  const now = namesNow(table, table.excluded);
  const more = exclude.filter((name) => !now.includes(name));
  const less = now.filter((name) => !exclude.includes(name));
  return [
    ...more.map((name) => ({ text: `${name} is to be excluded`, narrows: true, records: true })),
    ...less.map((name) => ({ text: `${name} is excluded, and is to be covered`, narrows: false, records: true })),
  ];
}

/** What recorded columns are called now, without those that were dropped. */
function namesNow({ numbers, live }: AttachedTable, names: readonly string[]): string[] {
  const columns = new Map(live?.columns.map(({ number, name }) => [number, name]));
  return names.flatMap((name) => columns.get(numbers[name] ?? 0) ?? []);
}
