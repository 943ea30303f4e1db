import {
  Cursor,
  FIRST_UNPINNED_OID,
  flag,
  type Lane,
  NodeTextError,
  parseNodeText,
  readCatalogRows,
  type ReportFinding,
  text,
  words,
} from "@scidex/audit-reader";
import type { Catalog, RelationRow } from "../structure/catalog/catalog.ts";
import { accepts, type Bound, boundOf, type KeyType, keyType, keyValue } from "./bound.ts";
import type { ReadTable } from "./lookup.ts";
import { namedRelation, type TableAccess } from "./table-plan.ts";
import { relationOf, type Rows } from "./planner.ts";
import { Places, reportRows } from "./report-rows.ts";

/** How a table is cut into partitions. */
interface PartitionKey {
  readonly strategy: string;
  /** Numbers of the columns; 0 for an expression. */
  readonly columns: readonly string[];
  readonly classes: readonly string[];
  readonly collations: readonly string[];
}

/** One level above a partition: the columns that its rows are told apart by, and which rows belong to it. */
interface Level {
  readonly columns: readonly string[];
  readonly types: readonly KeyType[];
  readonly bound: Bound;
  readonly siblings: readonly Bound[];
}

/**
 * Whether the rows of each partition lie within its bounds and those of the partitions above it. The bounds lead an
 * application that asks for a key, so that it finds no row that lies elsewhere.
 *
 * @returns what was not checked
 */
export async function checkBounds(
  lane: Lane,
  catalog: Catalog,
  table: TableAccess,
  report: ReportFinding,
): Promise<string[]> {
  if (table.root.kind !== "p") return [];
  const { keys, bounds } = await lane.attempt(readPartitioning);
  const plan = new Partitioning(catalog, keys, bounds);
  const leaves = new Map(plan.leavesBelow(table.root, []).map(({ oid, levels }) => [Number(oid), levels]));
  if ([...leaves.values()].every((levels) => levels.length === 0)) return plan.notChecked;
  reportRows(table.kind, await misplaced(lane, table.table, leaves), report, {
    expected: "a row within the bounds of its partition",
    actual: "outside",
    message: `${table.relation}: this row does not belong to the partition that it is in, so that nobody who asks for its key finds it`,
  });
  return plan.notChecked;
}

async function readPartitioning(lane: Lane) {
  const { manifest } = await lane.catalog();
  const keys = new Map(
    await readCatalogRows(
      lane,
      manifest,
      "pg_partitioned_table",
      ["partrelid", "partstrat", "partattrs", "partclass", "partcollation"],
      (f): readonly [string, PartitionKey] => [
        text(f, 0),
        { strategy: text(f, 1), columns: words(f, 2), classes: words(f, 3), collations: words(f, 4) },
      ],
    ),
  );
  const bounds = new Map(
    await readCatalogRows(
      lane,
      manifest,
      "pg_class",
      ["oid", { slice: "relpartbound", of: "tree" }, "relispartition"],
      (f): readonly [string, string | null] | null => (flag(f, 2) ? [text(f, 0), f[1] ?? null] : null),
    ),
  );
  return { keys, bounds };
}

class Partitioning {
  readonly #catalog: Catalog;
  readonly #keys: ReadonlyMap<string, PartitionKey>;
  readonly #bounds: ReadonlyMap<string, string | null>;
  readonly notChecked: string[] = [];

  constructor(catalog: Catalog, keys: ReadonlyMap<string, PartitionKey>, bounds: ReadonlyMap<string, string | null>) {
    this.#catalog = catalog;
    this.#keys = keys;
    this.#bounds = bounds;
  }

  /** The partitions that hold rows, each with the levels above it that can be judged. */
  leavesBelow(relation: RelationRow, above: readonly Level[]): { oid: string; levels: readonly Level[] }[] {
    if (relation.kind !== "p") return relation.kind === "r" ? [{ oid: relation.oid, levels: above }] : [];
    const children = this.#catalog.inheritance
      .filter(({ parent }) => parent === relation.oid)
      .flatMap(({ child }) => this.#catalog.relations.get(child) ?? []);
    const levels = this.#levels(relation, children);
    if (levels === null && children.length > 0) {
      const { schema, name } = namedRelation(this.#catalog, relation);
      this.notChecked.push(`${schema}.${name}: bounds of its partitions`);
    }
    return children.flatMap((child) => {
      const level = levels?.get(child.oid);
      return this.leavesBelow(child, level === undefined ? above : [...above, level]);
    });
  }

  #levels(parent: RelationRow, children: readonly RelationRow[]): ReadonlyMap<string, Level> | null {
    const key = this.#keys.get(parent.oid);
    if (key === undefined || key.classes.some((oid) => Number(oid) >= FIRST_UNPINNED_OID)) return null;
    const columns: string[] = [];
    const types: KeyType[] = [];
    for (const [i, number] of key.columns.entries()) {
      const column = this.#catalog.columns.find((c) => c.relation === parent.oid && c.number === number);
      const type = column === undefined ? undefined : keyType(column.type, key.collations[i] ?? "0");
      if (column === undefined || type === undefined) return null;
      columns.push(column.name);
      types.push(type);
    }
    const bounds = new Map<string, Bound>();
    for (const { oid } of children) {
      const node = this.#bounds.get(oid);
      const bound = node == null ? null : readBound(node, types);
      if (bound === null) return null;
      bounds.set(oid, bound);
    }
    const all = [...bounds];
    return new Map(
      all.map(([oid, bound]) => {
        const siblings = all.filter(([other]) => other !== oid).map(([, sibling]) => sibling);
        return [oid, { columns, types, bound, siblings }];
      }),
    );
  }
}

function readBound(node: string, types: readonly KeyType[]): Bound | null {
  try {
    return boundOf(parseNodeText(node), types);
  } catch (error) {
    if (error instanceof NodeTextError) return null;
    throw error;
  }
}

/** Finds the rows that do not belong where they are. */
async function misplaced(lane: Lane, table: ReadTable, leaves: ReadonlyMap<number, readonly Level[]>): Promise<Rows> {
  const columns = [...new Set([...leaves.values()].flatMap((levels) => levels.flatMap((level) => level.columns)))];
  const places = new Places();
  await lane.attempt(async (attempt) => {
    const relation = await relationOf(attempt, table);
    if (relation === null) return;
    const cursor = Cursor.binary(
      await attempt.scan(relation, ["tableoid", "ctid", ...columns], "binary"),
      columns.length + 2,
      ([oid, place, ...fields]) => {
        if (oid == null || place == null) return true;
        const isRight = (leaves.get(oid.readUInt32BE(0)) ?? []).every(({ columns: names, types, bound, siblings }) => {
          const key = types.map((type, i) => keyValue(type, fields[columns.indexOf(names[i] ?? "")] ?? null));
          return accepts(bound, siblings, key);
        });
        if (!isRight)
          places.add({ table: oid.readUInt32BE(0), page: place.readUInt32BE(0), item: place.readUInt16BE(4) });
        return true;
      },
    );
    while ((await cursor.next()) !== undefined);
  });
  return await places.rows(lane, table);
}
