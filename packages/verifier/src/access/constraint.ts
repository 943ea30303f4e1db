import { quotedName } from "@scidex/audit-core";
import { ALL_PAGES, fromTable, keyList, onPages, type Pages } from "./lookup.ts";
import type { ForeignKey, TableAccess } from "./table-plan.ts";

/** Arguments that a function can have. */
const MAX_ARGUMENTS = 100;

/**
 * The keys of rows with a NULL in a column that is NOT NULL. `IS NULL` of such a column is false to the planner, from
 * PostgreSQL 17 on, without looking.
 *
 * @param list what is to be said of these rows
 */
export function notNullStatement(
  { table, notNull }: TableAccess,
  pages: Pages,
  list: string = keyList(table),
): string[] {
  const conditions: string[] = [];
  for (let from = 0; from < notNull.length; from += MAX_ARGUMENTS) {
    const columns = notNull.slice(from, from + MAX_ARGUMENTS).map((column) => `a.${quotedName(column)}`);
    conditions.push(`pg_catalog.num_nulls(${columns.join(", ")}) operator(pg_catalog.>) 0`);
  }
  if (conditions.length === 0) return [];
  return [`select ${list} from ${fromTable(table)} as a where ${onPages(pages)} and (${conditions.join(" or ")})`];
}

/**
 * The keys of rows whose foreign key leads to no row. The key is compared once more with the row that the index leads
 * to: an entry of an index can lead to another row.
 *
 * @param list what is to be said of these rows
 */
export function foreignKeyStatement({ table, parent, columns }: ForeignKey, list: string = keyList(table)): string {
  const same = columns
    .map((column) => `b.${quotedName(column.parent)} operator(pg_catalog.=) a.${quotedName(column.name)}`)
    .join(" and ");
  const known = columns.filter(({ mayBeNull }) => mayBeNull).map(({ name }) => `a.${quotedName(name)} is not null`);
  return `select ${list} from ${fromTable(table)} as a left join only ${quotedName(parent.schema)}.${quotedName(parent.name)} as b on ${same} where ${[
    onPages(ALL_PAGES),
    ...known,
    `(${same}) is not true`,
  ].join(" and ")}`;
}
