import type { PayloadShape } from "@scidex/audit-core";
import type { Sql } from "postgres";

/** A table in the mode `stream`, as the configuration in force has it. */
export interface StreamTable extends PayloadShape {
  readonly kind: string;
  readonly relation: string;
  /** Its own number; partitions have others. */
  readonly oid: number;
  readonly keyColumns: readonly string[];
  readonly changes: "refuse" | "track";
  /** For columns that have another name since the configuration: the one that they have now. */
  readonly renamed: ReadonlyMap<string, string>;
}

/** Tables in the mode `stream`, by the number of each relation that holds rows of theirs. */
export type StreamTables = ReadonlyMap<number, StreamTable>;

interface Item {
  readonly oid: number;
  readonly oids: readonly number[];
  readonly kind: string;
  readonly relation: string;
  readonly key_columns: readonly string[];
  readonly columns: readonly string[];
  readonly members: readonly string[];
  readonly absent: Readonly<Record<string, string>>;
  readonly changes: "refuse" | "track";
  readonly renamed: Readonly<Record<string, string>>;
}

/** Takes no lock on any table: whoever changes a configuration has it locked, and waits for us. */
export async function readTables(sql: Sql): Promise<StreamTables> {
  const rows = await sql.unsafe<{ item: string }[]>(
    `with recursive leaf as (
       select r.kind, r.relid::pg_catalog.oid as oid from only public.audit_chain_relation as r
       union all
       select l.kind, i.inhrelid from leaf as l join pg_catalog.pg_inherits as i on i.inhparent = l.oid
         join pg_catalog.pg_class as c on c.oid = i.inhrelid and c.relispartition
     ), newest as (
       select distinct on (c.kind) c.* from only public.audit_chain_config as c order by c.kind, c.id desc
     )
     select pg_catalog.json_build_object('oid', r.relid::pg_catalog.oid::pg_catalog.int8, 'oids', (select pg_catalog.json_agg(l.oid::pg_catalog.int8) from leaf as l where l.kind = n.kind),
              'kind', n.kind, 'relation', n.relation, 'key_columns', n.key_columns, 'columns', n.columns, 'members', n.members,
              'absent', n.absent, 'changes', n.changes, 'renamed', (
                select coalesce(pg_catalog.json_object_agg(o.key, a.attname), '{}') from pg_catalog.json_each_text(r.column_numbers::pg_catalog.json) as o
                  join pg_catalog.pg_attribute as a on a.attrelid = r.relid and a.attnum = o.value::pg_catalog.int2 and not a.attisdropped
                 where r.numbered_for = r.relid::pg_catalog.oid and a.attname::pg_catalog.text <> o.key))::pg_catalog.text as item
       from newest as n join only public.audit_chain_relation as r on r.kind = n.kind
      where n.mode = 'stream' and n.action <> 'detach'`,
  );
  return new Map(
    rows.flatMap(({ item }) => {
      const { oid, oids, kind, relation, key_columns, columns, members, absent, changes, renamed } = JSON.parse(
        item,
      ) as Item;
      const table: StreamTable = {
        kind,
        relation,
        oid,
        keyColumns: key_columns,
        columns,
        members,
        absent: new Map(Object.entries(absent)),
        changes,
        renamed: new Map(Object.entries(renamed)),
      };
      return oids.map((leaf) => [leaf, table] as const);
    }),
  );
}
