import { sqlState } from "@scidex/audit-core";
import type { ISql } from "postgres";

/** Names as they are recorded, of those that are there: for example `orders` is `public.orders` on the usual search path. */
export async function qualifiedNames(sql: ISql, names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const name of names) {
    const [row] = await sql<{ relation: string }[]>`
      select pg_catalog.concat(pg_catalog.quote_ident(n.nspname), '.', pg_catalog.quote_ident(c.relname)) as relation
        from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
       where c.oid = pg_catalog.to_regclass(${name})`.catch(unlessNoName);
    if (row !== undefined) found.set(name, row.relation);
  }
  return found;
}

/** What is no name at all is found out by whoever uses it. */
function unlessNoName(error: unknown): [] {
  if (error instanceof Error && sqlState(error) !== undefined) return [];
  throw error;
}
