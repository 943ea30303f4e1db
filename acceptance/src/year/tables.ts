import type { Sql } from "postgres";

/** A column of a table of the application, as the catalog has it now. */
export interface Column {
  readonly name: string;
  /** As `format_type` prints it. */
  readonly type: string;
  readonly isEnum: boolean;
  readonly isKey: boolean;
  readonly isNotNull: boolean;
  readonly hasDefault: boolean;
  /** Whether nobody can write into it. */
  readonly isGenerated: boolean;
  /** Whether it is not covered. */
  readonly isExcluded: boolean;
}

/** A table of the application that has a key, or is partitioned. */
export interface Table {
  /** As SQL writes it. */
  readonly relation: string;
  readonly schema: string;
  readonly name: string;
  readonly isPartitioned: boolean;
  /** Whether its rows never change. */
  readonly isLog: boolean;
  /** Of its events; null where it is not attached. */
  readonly kind: string | null;
  readonly columns: readonly Column[];
}

/** Where the application's own tables are; those of {@link createBusyTables} are in `public`. */
const SCHEMAS = ["shop", "archive", "tenant_%"];

/** Those that are written and migrated, in the order of their names. Partitions are not among them. */
export async function readTables(sql: Sql): Promise<Table[]> {
  const rows = await sql.unsafe<{ found: string }[]>(
    `select json_build_object('schema', n.nspname, 'name', c.relname, 'kind', r.kind, 'isPartitioned', c.relkind = 'p', 'columns',
              (select json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
                        'isEnum', t.typtype = 'e', 'isKey', coalesce(a.attnum = any (i.indkey), false), 'isNotNull', a.attnotnull,
                        'hasDefault', a.atthasdef or a.attidentity <> '', 'isGenerated', a.attgenerated <> '',
                        'isExcluded', coalesce(a.attname = any (f.excluded), false)) order by a.attnum)
                 from pg_attribute as a join pg_type as t on t.oid = a.atttypid
                where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped))::text as found
       from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
       left join pg_index as i on i.indrelid = c.oid and i.indisprimary
       left join audit_chain_relation as r on r.relid = c.oid
       left join audit_chain_config as f on f.id = (select max(l.id) from audit_chain_config as l where l.kind = r.kind)
      where c.relkind in ('r', 'p') and not c.relispartition and n.nspname like any (array['${SCHEMAS.join("', '")}'])
      order by n.nspname, c.relname`,
  );
  return rows.map(({ found }) => {
    const table = JSON.parse(found) as Omit<Table, "relation" | "isLog">;
    return { ...table, relation: `${table.schema}.${table.name}`, isLog: table.name.startsWith("log_") };
  });
}

export const keyOf = ({ columns }: Table): Column[] => columns.filter(({ isKey }) => isKey);

/** What an application changes and migrations are mostly about. */
export const plainColumns = ({ columns }: Table): Column[] =>
  columns.filter(({ isKey, isGenerated }) => !isKey && !isGenerated);

export const coveredColumns = (table: Table): Column[] => plainColumns(table).filter(({ isExcluded }) => !isExcluded);

/** The application as it begins: tracked tables, logs that never change, of all sorts of keys. */
export const APPLICATION = `
  create schema shop; create schema archive; create schema tenant_1;
  create type shop.state as enum ('new', 'open', 'done');
  create table shop.orders (id bigint primary key, state shop.state not null default 'new', note text, total numeric(10,2),
    placed timestamptz, code char(5), seen integer);
  create table shop.order_lines (order_id bigint, line integer, item varchar(40) not null, price numeric(8,2), primary key (order_id, line));
  create table shop.customers (id uuid primary key, name text not null, mail text, joined date default '2026-01-01', tags text[], data jsonb);
  create table shop.log_payments (id bigint primary key, amount numeric(10,2) not null, at timestamptz not null, reference text);
  create table shop.log_events (id bigint, day date, body jsonb, level smallint, primary key (id, day)) partition by range (day);
  create table shop.log_events_2026 partition of shop.log_events for values from ('2026-01-01') to ('2027-01-01');
  create table shop.stock (sku text primary key, amount integer not null default 0, place text, weight double precision);
  create table tenant_1.invoices (id bigint primary key, number text, amount numeric(10,2), paid boolean default false);
  create schema desk;
  create table desk.letters (id int primary key, body text);
  create table desk.persons (id int primary key, name text);
  create table desk.notes (id int primary key, body text);`;

/** What the developers have written into audit.config.json. `seen` is noise, wherever it is. */
export const CONFIG = {
  tables: {
    "public.*": {},
    "shop.*": { changes: "track", exclude: ["seen"] },
    "shop.log_*": { changes: "refuse", mode: "strict" },
    "archive.*": { changes: "track" },
    "tenant_*.*": { changes: "track", mode: "sealed", kind: "{schema}.{table}" },
    // Of rows that leave, and of one that is mended by hand: nothing else happens to these.
    "desk.letters": { changes: "refuse", mode: "strict", retention: "PT1S" },
    "desk.persons": { changes: "refuse", mode: "strict", salt: true },
    "desk.notes": { changes: "track", mode: "strict" },
  },
} as const;
