import { CHAIN_COLUMNS } from "./chain-row.ts";
import type { Relation } from "./relation.ts";
import type { Lane } from "./snapshot.ts";

/** What stands in the place of a relation. */
export interface TableShape extends Relation {
  /** As in `pg_class.relkind`: r for a table, p for a partitioned one. */
  readonly relkind: string;
  /** Its columns, with their types (without modifiers). */
  readonly columns: ReadonlyMap<string, string>;
  /** Partitions that are no tables: foreign ones. */
  readonly foreign: readonly string[];
}

/**
 * Columns and types of a relation as the catalog has them; null where there is none of that name. Neither casts to text
 * nor `concat`: a cast can be somebody's function, and so can an overload of `concat` that fits better than PostgreSQL's.
 */
export async function readShape(lane: Lane, schema: string, name: string): Promise<TableShape | null> {
  const [relation] = await lane.query<{ oid: number; relkind: string }[]>`
    select c.oid, c.relkind as relkind
      from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
     where n.nspname = ${schema} and c.relname = ${name}`;
  if (relation === undefined) return null;
  const columns = await lane.query<{ name: string; type: string; number: number }[]>`
    select a.attname as name, pg_catalog.format_type(a.atttypid, null) as type, a.attnum as number
      from pg_catalog.pg_attribute as a
     where a.attrelid = ${relation.oid}::oid and a.attnum > 0 and not a.attisdropped`;
  const foreign =
    relation.relkind !== "p"
      ? []
      : await lane.query<{ name: string }[]>`
          with recursive tree (relid) as (
            select i.inhrelid from pg_catalog.pg_inherits as i where i.inhparent = ${relation.oid}::oid
            union select i.inhrelid from pg_catalog.pg_inherits as i join tree on tree.relid = i.inhparent)
          select c.relname as name
            from tree join pg_catalog.pg_class as c on c.oid = tree.relid
           where c.relkind not in ('r', 'p') order by 1`;
  return {
    schema,
    name,
    oid: relation.oid,
    relkind: relation.relkind,
    columns: new Map(columns.map((c) => [c.name, c.type])),
    attributes: new Map(columns.map((c) => [c.name, c.number])),
    foreign: foreign.map((partition) => partition.name),
  };
}

/** The tables that hold a table's rows: itself, or its partitions, each with column numbers of its own. */
export async function readLeaves(lane: Lane, table: TableShape): Promise<TableShape[]> {
  if (table.relkind !== "p") return [table];
  const partitions = await lane.query<{ schema: string; name: string }[]>`
    select n.nspname as schema, c.relname as name
      from pg_catalog.pg_inherits as i join pg_catalog.pg_class as c on c.oid = i.inhrelid
      join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
     where i.inhparent = ${table.oid}::oid`;
  const leaves: TableShape[] = [];
  for (const { schema, name } of partitions) {
    const shape = await readShape(lane, schema, name);
    if (shape !== null) leaves.push(...(await readLeaves(lane, shape)));
  }
  return leaves;
}

/** Whether it is a plain table with these columns, of these types. */
export function hasColumns(
  shape: TableShape | null,
  columns: readonly (readonly [name: string, type: string])[],
): shape is TableShape {
  return shape?.relkind === "r" && columns.every(([name, type]) => shape.columns.get(name) === type);
}

/** Columns of `audit_chain_pending` that are read. */
export const PENDING_COLUMNS = [
  ["id", "bigint"],
  ["op", "text"],
  ["event_kind", "text"],
  ["event_pk", "text"],
  ["payload_hash", "bytea"],
  ["staged_at", "timestamp with time zone"],
  ["conflict", "text"],
] as const;

/** Columns of `audit_chain_config` that are read. */
export const CONFIG_SHAPE = [
  ["id", "bigint"],
  ["action", "text"],
  ["kind", "text"],
  ["relation", "text"],
  ["key_columns", "text[]"],
  ["columns", "text[]"],
  ["column_types", "text[]"],
  ["excluded", "text[]"],
  ["renamed", "jsonb"],
  ["changes", "text"],
  ["mode", "text"],
  ["complete", "boolean"],
  ["actor", "text"],
  ["recorded_at", "timestamp with time zone"],
  ["present", "text[]"],
] as const;

/** The tables of the chain, and what is read of each. */
export const OWN_SHAPES = {
  audit_chain: CHAIN_COLUMNS,
  audit_chain_pending: PENDING_COLUMNS,
  audit_chain_config: CONFIG_SHAPE,
} as const;

/** What a relation is, for a report. */
export function describeShape(shape: TableShape | null): string {
  if (shape === null) return "nothing of that name";
  const columns = [...shape.columns].slice(0, 20).map(([name, type]) => `${name} ${type}`);
  return `a relation of the kind ${shape.relkind} with ${columns.join(", ")}`;
}
