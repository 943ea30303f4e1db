import type { PayloadShape } from "@scidex/audit-core";
import type { TransactionSql } from "postgres";
import { BackfillError } from "./errors.ts";

/** An attached table, with the configuration in force. */
export interface Target extends PayloadShape {
  /** Its number (oid), as text. */
  readonly relid: string;
  /** Schema and name as SQL writes them. */
  readonly relation: string;
  readonly isPartitioned: boolean;
  readonly kind: string;
  /** Of the row of `audit_chain_config` that is in force, as text. */
  readonly configId: string;
  readonly keyColumns: readonly string[];
  readonly changes: "refuse" | "track";
  readonly complete: boolean;
  /** Whether events are keyed by the blinded key. */
  readonly blindKey: boolean;
  /** Whether payloads are salted. */
  readonly salt: boolean;
  /** The link since which rows have the keys that they have now, as text; 0 where they always had them. */
  readonly keyedSince: string;
}

interface Row {
  relid: string;
  relation: string;
  is_partitioned: boolean;
  kind: string;
  config_id: string;
  key_columns: string;
  columns: string;
  members: string;
  absent: string;
  changes: "refuse" | "track";
  complete: boolean;
  blind_key: boolean;
  salt: boolean;
  keyed_since: string;
}

/** Arrays come as JSON: drivers without the server's type catalog do not read them. */
const TARGETS = `
  SELECT p.oid::text AS relid,
         pg_catalog.concat(pg_catalog.quote_ident(s.nspname), '.', pg_catalog.quote_ident(p.relname)) AS relation,
         p.relkind = 'p' AS is_partitioned, c.kind, c.id::text AS config_id,
         pg_catalog.to_json(c.key_columns)::text AS key_columns, pg_catalog.to_json(c.columns)::text AS columns,
         pg_catalog.to_json(c.members)::text AS members, c.absent::text AS absent,
         c.changes, c.complete, c.blind_key, c.salt, public.audit_chain_keyed_since(c.kind)::text AS keyed_since
    FROM public.audit_chain_relation AS r
    JOIN pg_catalog.pg_class AS p ON p.oid = r.relid
    JOIN pg_catalog.pg_namespace AS s ON s.oid = p.relnamespace
    JOIN public.audit_chain_config AS c ON c.kind = r.kind
     AND c.id = (SELECT pg_catalog.max(l.id) FROM public.audit_chain_config AS l WHERE l.kind = r.kind)
   WHERE c.action <> 'detach' AND NOT pg_catalog.starts_with(c.kind, 'audit_chain')`;

const toTarget = (row: Row): Target => ({
  relid: row.relid,
  relation: row.relation,
  isPartitioned: row.is_partitioned,
  kind: row.kind,
  configId: row.config_id,
  keyColumns: JSON.parse(row.key_columns) as string[],
  columns: JSON.parse(row.columns) as string[],
  members: JSON.parse(row.members) as string[],
  absent: new Map(Object.entries(JSON.parse(row.absent) as Record<string, string>)),
  changes: row.changes,
  complete: row.complete,
  blindKey: row.blind_key,
  salt: row.salt,
  keyedSince: row.keyed_since,
});

/** Every attached table that is not complete, in the order of names. */
export async function incompleteTargets(tx: TransactionSql): Promise<Target[]> {
  const rows = await tx.unsafe<Row[]>(`${TARGETS} AND NOT c.complete ORDER BY relation COLLATE "C"`);
  return rows.map(toTarget);
}

/**
 * Number of a table by its name as SQL writes it, with its schema where it is not on the session's search path.
 *
 * @throws {BackfillError} `unknown_table`
 */
export async function tableNumber(tx: TransactionSql, name: string): Promise<string> {
  const [row] = await tx<{ relid: string | null }[]>`select pg_catalog.to_regclass(${name})::oid::text as relid`;
  if (typeof row?.relid === "string") return row.relid;
  throw new BackfillError(
    "unknown_table",
    `there is no table ${name} (names are as in SQL: write the schema where it is not on the search path, and double quotes around capitals)`,
  );
}

/**
 * A table with the configuration in force.
 *
 * @throws {BackfillError} `not_attached`
 */
export async function targetOf(tx: TransactionSql, relid: string, name: string): Promise<Target> {
  const [row] = await tx.unsafe<Row[]>(`${TARGETS} AND p.oid = '${relid}'::pg_catalog.oid`);
  if (row !== undefined) return toTarget(row);
  throw new BackfillError(
    "not_attached",
    `${name} is not attached, so there is nothing to chain: run audit-chain attach ${name}`,
  );
}

/**
 * Partitions of a table, as SQL writes their names.
 *
 * @throws {BackfillError} `unknown_table` where one is none
 */
export async function partitionsOf(
  tx: TransactionSql,
  { relid, relation }: Target,
  names: readonly string[],
): Promise<string[]> {
  const rows = await tx<{ name: string; partition: string | null }[]>`
    select w.name, pg_catalog.concat(pg_catalog.quote_ident(s.nspname), '.', pg_catalog.quote_ident(p.relname)) as partition
      from pg_catalog.json_array_elements_text(${JSON.stringify(names)}::text::json) as w(name)
      left join pg_catalog.pg_partition_tree(${relid}::text::oid::regclass) as t on t.relid = pg_catalog.to_regclass(w.name)
      left join pg_catalog.pg_class as p on p.oid = t.relid
      left join pg_catalog.pg_namespace as s on s.oid = p.relnamespace`;
  return rows.map(({ name, partition }) => {
    if (partition !== null && partition !== ".") return partition;
    throw new BackfillError("unknown_table", `${name} is no partition of ${relation}`);
  });
}
