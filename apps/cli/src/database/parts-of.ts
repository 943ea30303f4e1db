import type { Sql } from "postgres";

/** A table that has rows of its own, or its partitions that have: as texts of OIDs. */
export async function partsOf(sql: Sql, table: string): Promise<string[]> {
  const parts = await sql<{ part: string }[]>`
    select p.part::pg_catalog.oid::pg_catalog.text as part
      from (select ${table}::pg_catalog.regclass as part) as t
     cross join lateral (select t.part where not exists (select from pg_catalog.pg_partition_tree(t.part))
                         union all select r.relid from pg_catalog.pg_partition_tree(t.part) as r where r.isleaf) as p
     order by p.part::pg_catalog.oid`;
  return parts.map(({ part }) => part);
}
