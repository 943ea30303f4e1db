import {
  CHAIN_COLUMNS,
  formatType,
  type Lane,
  type LiveCatalog,
  type LiveRelation,
  type Relation,
} from "@scidex/audit-reader";

/** What stands in the place of a relation. */
export interface TableShape extends Relation {
  /** As in `pg_class.relkind`: r for a table, p for a partitioned one. */
  readonly relkind: string;
  /** Its columns, with their types (without modifiers). */
  readonly columns: ReadonlyMap<string, string>;
  /** Partitions that are foreign tables. */
  readonly foreign: readonly string[];
}

/** Columns and types of a relation as the snapshot has them; null where there is none of that name. */
export async function readShape(lane: Lane, schema: string, name: string): Promise<TableShape | null> {
  const catalog = await lane.catalog();
  const relation = catalog.relation(schema, name);
  return relation === undefined ? null : await shapeOf(lane, catalog, relation);
}

async function shapeOf(lane: Lane, catalog: LiveCatalog, relation: LiveRelation): Promise<TableShape> {
  await catalog.need(lane, [relation.oid]);
  const attributes = catalog.attributesOf(relation.oid);
  const tree = relation.kind === "p" ? catalog.treeOf(relation.oid) : [];
  return {
    schema: catalog.schemaName(relation.schema) ?? "",
    name: relation.name,
    oid: Number(relation.oid),
    relkind: relation.kind,
    columns: new Map(attributes.map((a) => [a.name, formatType(catalog, a.type, null)])),
    attributes: new Map(attributes.map((a) => [a.name, a.number])),
    types: new Map(attributes.map((a) => [a.name, Number(a.type)])),
    foreign: tree
      .map((oid) => catalog.relationOf(oid))
      .filter((part) => part !== undefined && part.kind !== "r" && part.kind !== "p")
      .map((part) => part?.name ?? "")
      .toSorted(),
  };
}

/** The tables that hold a table's rows: itself, or its partitions, each with column numbers of its own. */
export async function readLeaves(lane: Lane, table: TableShape): Promise<TableShape[]> {
  if (table.relkind !== "p") return [table];
  const catalog = await lane.catalog();
  const tree = catalog.treeOf(String(table.oid));
  await catalog.need(lane, tree);
  const leaves: TableShape[] = [];
  for (const oid of tree) {
    const relation = catalog.relationOf(oid);
    if (relation !== undefined && relation.kind !== "p") leaves.push(await shapeOf(lane, catalog, relation));
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
  ["before_hash", "bytea"],
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
  ["members", "text[]"],
  ["absent", "jsonb"],
  ["column_types", "text[]"],
  ["excluded", "text[]"],
  ["renamed", "jsonb"],
  ["changes", "text"],
  ["mode", "text"],
  ["complete", "boolean"],
  ["record_anew", "boolean"],
  ["salt", "boolean"],
  ["blind_key", "boolean"],
  ["retention", "text"],
  ["actor", "text"],
  ["recorded_at", "timestamp with time zone"],
  ["present", "text[]"],
  ["repaired", "jsonb"],
] as const;

/** Columns of `audit_chain_secret`. */
export const SECRET_COLUMNS = [
  ["event_kind", "text"],
  ["secret", "bytea"],
] as const;

/** Columns of `audit_chain_salt`. */
export const SALT_COLUMNS = [
  ["event_kind", "text"],
  ["event_pk", "text"],
  ["salt", "bytea"],
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
