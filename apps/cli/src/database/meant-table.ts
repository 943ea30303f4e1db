import { nearestName } from "@scidex/audit-command";
import { sqlState } from "@scidex/audit-core";
import type { Sql } from "postgres";

/** What the server says of a name without a table: undefined_table, invalid_schema_name. */
export const UNKNOWN_NAME: ReadonlySet<string> = new Set(["42P01", "3F000"]);

/**
 * The table that was probably meant by a name at which there is none, as SQL writes it: `orders` for `order`, `"Users"` for
 * `Users`. Undefined where the error is another one, or no name is near.
 *
 * @param error what came of using the name
 */
export async function meantTable(sql: Sql, name: string, error: unknown): Promise<string | undefined> {
  const state = error instanceof Error ? sqlState(error) : undefined;
  if (state === undefined || !UNKNOWN_NAME.has(state)) return undefined;
  const tables = await sql<TableNames[]>`
    select n.nspname::text as schema, c.relname::text as name,
           pg_catalog.concat(pg_catalog.quote_ident(n.nspname), '.', pg_catalog.quote_ident(c.relname)) as relation,
           case when pg_catalog.pg_table_is_visible(c.oid) then pg_catalog.quote_ident(c.relname) end as short
      from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
     order by n.nspname, c.relname`;
  return nearestTable(name, tables);
}

/** A table, with and without its schema as SQL writes it; null where its schema is needed. */
interface TableNames {
  readonly schema: string;
  readonly name: string;
  readonly relation: string;
  readonly short: string | null;
}

/** Of tables the one that a name was probably meant for. Quotes and case are what one most often gets wrong. */
function nearestTable(name: string, tables: readonly TableNames[]): string | undefined {
  const bare = name.replaceAll('"', "");
  const written = new Map<string, string>();
  for (const { schema, name: own, relation, short } of tables) {
    // Somebody who names a schema means a table of it; who does not may have forgotten it.
    const key = bare.includes(".") ? `${schema}.${own}` : own;
    if (!written.has(key) || short !== null) written.set(key, bare.includes(".") ? relation : (short ?? relation));
  }
  const nearest = nearestName(bare, [...written.keys()]);
  return nearest === undefined ? undefined : written.get(nearest);
}

/** The question, with what a shell needs for a name in quotes. */
export const didYouMean = (meant: string): string =>
  meant.includes('"') ? `Did you mean ${meant}? In a shell write '${meant}'.` : `Did you mean ${meant}?`;
