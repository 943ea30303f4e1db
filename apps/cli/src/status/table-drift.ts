import type { ISql } from "postgres";
import type { ConfigInForce } from "../database/config-in-force.ts";
import { triggersOf } from "../database/triggers-of.ts";

/** An attached table as it is now: what differs from its configuration, and what to run. */
export interface TableDrift {
  /** Its name now, null where it is gone. */
  readonly now: string | null;
  readonly problems: readonly { problem: string; run: string | null }[];
  /** Whether it has partitions that came since it was attached or synced. */
  readonly hasNewPartitions: boolean;
}

interface Live {
  readonly relation: string;
  readonly columns: readonly LiveColumn[];
  readonly triggers: readonly { name: string; enabled: string }[];
  /** Its partitions that are not guarded against TRUNCATE: they came since it was attached or synced. */
  readonly came: readonly string[];
  readonly persistence: string;
  /** Whether the inspector's role may enter the schema and read the table. */
  readonly usage: boolean;
  readonly select: boolean;
}

interface LiveColumn {
  readonly name: string;
  /** As the configuration names it. */
  readonly type: string;
  readonly labels: string | null;
}

/**
 * Compares a table's configuration with what is there now: columns that capture does not cover yet or that are gone,
 * types, triggers, and what the verifier's role may read. A hint for operators: it believes the catalog, which the
 * verifier does not.
 *
 * @param sql a transaction with the search path `pg_catalog, pg_temp`, under which types' names were recorded
 */
export async function tableDrift(sql: ISql, config: ConfigInForce): Promise<TableDrift> {
  const live = await readLive(sql, config);
  const { relation } = config;
  if (live === undefined) {
    return {
      now: null,
      hasNewPartitions: false,
      problems: [{ problem: "the table is gone (dropped, renamed or moved)", run: "audit-chain sync" }],
    };
  }
  const sync = "audit-chain sync";
  const problems: { problem: string; run: string | null }[] = [];
  const add = (problem: string, run: string | null = sync): void => void problems.push({ problem, run });

  if (live.relation !== relation) add(`it was called ${relation} when it was attached`);
  for (const { name } of live.columns) {
    if (!config.columns.includes(name) && !config.excluded.includes(name)) add(`column ${name} is not covered yet`);
  }
  config.columns.forEach((name, i) => {
    const column = live.columns.find((c) => c.name === name);
    const recorded = config.column_types[i];
    if (column === undefined) add(`column ${name} is gone`);
    else if (recorded !== undefined && !isType(recorded, column))
      add(`column ${name} is now ${typeOf(column)}, recorded is ${recorded}`);
  });
  for (const name of triggersOf(config)) {
    const trigger = live.triggers.find((t) => t.name === name);
    if (trigger === undefined) add(`trigger ${name} is missing`);
    else if (trigger.enabled !== "O" && trigger.enabled !== "A")
      add(`trigger ${name} is disabled`, `ALTER TABLE ${live.relation} ENABLE TRIGGER "${name}"`);
  }
  for (const partition of live.came) add(`the partition ${partition} is new, and not guarded against TRUNCATE`);
  if (live.persistence === "u") add("the table is UNLOGGED", `ALTER TABLE ${live.relation} SET LOGGED`);
  if (!live.usage)
    add(
      "the inspector's role may not enter its schema, so the verifier cannot read it",
      `GRANT USAGE ON SCHEMA ${live.relation.slice(0, live.relation.lastIndexOf("."))} TO scidex_audit_inspector`,
    );
  if (!live.select)
    add(
      "the inspector's role may not read it, so the verifier cannot either",
      `GRANT SELECT ON ${live.relation} TO scidex_audit_inspector`,
    );
  return { now: live.relation, problems, hasNewPartitions: live.came.length > 0 };
}

const typeOf = ({ type, labels }: LiveColumn): string => `${type}${labels ?? ""}`;

/**
 * Whether the recorded description (type, and for some what it is made of: `{…}` labels, `(…)` attributes, `=…` base) is
 * of this column. Only an enum's labels are compared here; for the rest, the type's name has to do.
 */
function isType(recorded: string, column: LiveColumn): boolean {
  if (column.labels !== null || recorded === column.type) return recorded === typeOf(column);
  return recorded.startsWith(column.type) && /^[=(]/.test(recorded.slice(column.type.length));
}

async function readLive(sql: ISql, { kind, relation }: ConfigInForce): Promise<Live | undefined> {
  const relid = await relationOf(sql, kind, relation);
  if (relid === undefined) return undefined;
  const [row] = await sql<{ live: string }[]>`
    select pg_catalog.json_build_object(
             'relation', pg_catalog.concat(pg_catalog.quote_ident(n.nspname), '.', pg_catalog.quote_ident(c.relname)),
             'persistence', c.relpersistence,
             'came', coalesce((
               select pg_catalog.json_agg(pg_catalog.concat(pg_catalog.quote_ident(s.nspname), '.', pg_catalog.quote_ident(l.relname)) order by s.nspname, l.relname)
                 from pg_catalog.pg_partition_tree(c.oid) as x
                 join pg_catalog.pg_class as l on l.oid = x.relid join pg_catalog.pg_namespace as s on s.oid = l.relnamespace
                where x.relid::oid <> c.oid
                  and not exists (select from pg_catalog.pg_trigger as g where g.tgrelid = x.relid and g.tgname = 'audit_chain_guard_truncate')), '[]'),
             'usage', pg_catalog.has_schema_privilege('scidex_audit_inspector', n.oid, 'usage'),
             'select', pg_catalog.has_table_privilege('scidex_audit_inspector', c.oid, 'select'),
             'columns', coalesce((
               select pg_catalog.json_agg(pg_catalog.json_build_object(
                        'name', a.attname,
                        'type', pg_catalog.concat(case when t.oid < 10000 then pg_catalog.format_type(t.oid, a.atttypmod) else
                          pg_catalog.concat('"', pg_catalog.replace(s.nspname::text, '"', '""'), '"."', pg_catalog.replace(t.typname::text, '"', '""'), '"',
                            case when a.atttypmod >= 0 then pg_catalog.concat(' modifier ', a.atttypmod) end) end,
                          case when e.oid is not null then '[]' end),
                        'labels', (select pg_catalog.concat('{', pg_catalog.string_agg(pg_catalog.quote_literal(l.enumlabel), ',' order by l.enumsortorder), '}')
                                     from pg_catalog.pg_enum as l where l.enumtypid = t.oid having count(*) > 0)) order by a.attnum)
                 from pg_catalog.pg_attribute as a
                 left join pg_catalog.pg_type as e on e.typarray = a.atttypid
                 join pg_catalog.pg_type as t on t.oid = coalesce(e.oid, a.atttypid)
                 join pg_catalog.pg_namespace as s on s.oid = t.typnamespace
                where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''), '[]'::json),
             'triggers', coalesce((
               select pg_catalog.json_agg(pg_catalog.json_build_object('name', g.tgname, 'enabled', g.tgenabled))
                 from pg_catalog.pg_trigger as g where g.tgrelid = c.oid and not g.tgisinternal), '[]'::json))::text as live
      from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
     where c.oid = ${relid}::oid and c.relkind in ('r', 'p')`;
  return row === undefined ? undefined : (JSON.parse(row.live) as Live);
}

/** The table's number: by the live map where this login may read it, so that a renamed table is found, else by its name. */
async function relationOf(sql: ISql, kind: string, relation: string): Promise<string | undefined> {
  const [right] = await sql<{ map: boolean }[]>`
    select pg_catalog.has_table_privilege('public.audit_chain_relation', 'select') as map`;
  const [row] =
    right?.map === true
      ? await sql<
          { oid: string }[]
        >`select relid::oid::text as oid from public.audit_chain_relation where kind = ${kind}`
      : await sql<{ oid: string }[]>`
          select c.oid::text as oid from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
           where pg_catalog.concat(pg_catalog.quote_ident(n.nspname), '.', pg_catalog.quote_ident(c.relname)) = ${relation}`;
  return row?.oid;
}
