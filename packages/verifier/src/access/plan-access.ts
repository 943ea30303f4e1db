import { CONFIG_KIND, type KindHistory, splitRelation } from "../coverage/config.ts";
import { FIRST_NORMAL_OID, FIRST_UNPINNED_OID, type ReportFinding } from "@scidex/audit-reader";
import {
  type Catalog,
  type ColumnRow,
  findRelation,
  type IndexRow,
  type RelationRow,
} from "../structure/catalog/catalog.ts";
import type { Lookup, LookupColumn, Named, Reading, ReadIndex, ReadTable } from "./lookup.ts";

/** Rows of one table that refer to rows of another audited one. */
export interface ForeignKey {
  readonly name: string;
  readonly table: ReadTable;
  readonly parent: Named;
  readonly columns: readonly { readonly name: string; readonly parent: string; readonly mayBeNull: boolean }[];
}

/** An audited table, and what of it is checked. */
export interface TableAccess {
  readonly kind: string;
  /** As the configuration names it. */
  readonly relation: string;
  readonly table: ReadTable;
  readonly root: RelationRow;
  readonly lookups: readonly Lookup[];
  readonly readings: readonly Reading[];
  /** Columns that must not be NULL. */
  readonly notNull: readonly string[];
  readonly foreignKeys: readonly ForeignKey[];
}

export interface AccessPlan {
  readonly tables: readonly TableAccess[];
  /** What is not checked, each named with its table. */
  readonly notChecked: readonly string[];
}

/** The access method of plain indexes, whose order is checked; its oid is built in. */
const BTREE = "403";
const DESCENDING = 1;
const NULLS_FIRST = 2;

/**
 * What can be checked of the ways in which an application gets at the rows of audited tables. An index that the catalog
 * has in a state which the server never leaves is reported at once.
 */
export function planAccess(
  catalog: Catalog,
  histories: ReadonlyMap<string, KindHistory>,
  report: ReportFinding,
): AccessPlan {
  const tables = [...histories.values()].flatMap(({ kind, current }) => {
    const place = kind === CONFIG_KIND || current.action === "detach" ? null : splitRelation(current.relation);
    const root = place === null ? undefined : findRelation(catalog, place.schema, place.name);
    return root === undefined || (root.kind !== "r" && root.kind !== "p") ? [] : [{ kind, current, root }];
  });
  const audited = new Set(tables.map(({ root }) => root.oid));
  const notChecked: string[] = [];
  const leaveOut = (what: string) => notChecked.push(what);
  return {
    tables: tables.map(({ kind, current, root }) => {
      for (const leaf of leavesOf(catalog, root)) compareFlags(catalog, leaf, kind, report);
      const table = { ...namedRelation(catalog, root), isPartitioned: root.kind === "p", key: current.keyColumns };
      const planned = new TablePlan(catalog, table, audited, leaveOut);
      return { kind, relation: current.relation, table, root, ...planned.plan() };
    }),
    notChecked,
  };
}

/**
 * What the server never leaves behind: it makes an index valid last, and invalid first when it drops one. And a flag
 * without which it neither keeps up nor uses any index.
 */
function compareFlags(catalog: Catalog, relation: RelationRow, kind: string, report: ReportFinding): void {
  const indexes = catalog.indexes.filter((index) => index.relation === relation.oid);
  const { schema, name } = namedRelation(catalog, relation);
  for (const index of indexes) {
    if (!index.isValid || (index.isReady && index.isLive)) continue;
    report({
      check: "access_mismatch",
      eventKind: kind,
      expected: "ready and live, as a valid index is",
      actual: [...(index.isReady ? [] : ["not ready for inserts"]), ...(index.isLive ? [] : ["being dropped"])].join(
        ", ",
      ),
      message: `${schema}.${name}: the index ${indexName(catalog, index)} is in a state in which the server never leaves one`,
    });
  }
  if (relation.hasIndexes || indexes.length === 0) return;
  report({
    check: "access_mismatch",
    eventKind: kind,
    expected: "pg_class.relhasindex is true",
    actual: "false",
    message: `${schema}.${name}: no index is used or kept up to date: the catalog denies that there is any`,
  });
}

const indexName = (catalog: Catalog, index: IndexRow): string =>
  catalog.relations.get(index.index)?.name ?? index.index;

/** The tables that hold a table's rows. Inheritance children are other tables, and foreign partitions none. */
export function leavesOf(catalog: Catalog, root: RelationRow): RelationRow[] {
  if (root.kind !== "p") return root.kind === "r" ? [root] : [];
  return catalog.inheritance
    .filter(({ parent }) => parent === root.oid)
    .flatMap(({ child }) => {
      const relation = catalog.relations.get(child);
      return relation === undefined ? [] : leavesOf(catalog, relation);
    });
}

export const namedRelation = (catalog: Catalog, { oid, schema, name }: RelationRow): Named => ({
  oid,
  schema: catalog.schemas.get(schema)?.name ?? "",
  name,
});

/** A type without the domains around it. */
function baseType(catalog: Catalog, oid: string): string {
  const type = catalog.types.get(oid);
  return type?.kind === "d" && type.base !== oid ? baseType(catalog, type.base) : oid;
}

const isServers = (oid: string) => Number(oid) > 0 && Number(oid) < FIRST_UNPINNED_OID;

class TablePlan {
  readonly #catalog: Catalog;
  readonly #table: ReadTable;
  readonly #audited: ReadonlySet<string>;
  readonly #leaveOut: (what: string) => void;
  readonly #columns: ReadonlyMap<string, ColumnRow>;

  constructor(catalog: Catalog, table: ReadTable, audited: ReadonlySet<string>, leaveOut: (what: string) => void) {
    this.#catalog = catalog;
    this.#table = table;
    this.#audited = audited;
    this.#leaveOut = leaveOut;
    const own = catalog.columns.filter((column) => column.relation === table.oid);
    this.#columns = new Map(own.map((column) => [column.number, column]));
  }

  get #name(): string {
    return `${this.#table.schema}.${this.#table.name}`;
  }

  plan(): Pick<TableAccess, "lookups" | "readings" | "notNull" | "foreignKeys"> {
    const lookups: Lookup[] = [];
    const readings: Reading[] = [];
    for (const index of this.#catalog.indexes) {
      if (index.relation !== this.#table.oid) continue;
      const reading = this.#reading(index);
      if (typeof reading === "string") {
        this.#leaveOut(`${this.#name}: index ${indexName(this.#catalog, index)} (${reading})`);
        continue;
      }
      // A partitioned table without partitions has nothing to be looked up.
      if (reading.index.parts.length === 0) continue;
      readings.push(reading);
      const columns = index.isUnique ? this.#lookupColumns(index) : null;
      if (columns === null) continue;
      lookups.push({ table: this.#table, index: reading.index, columns });
    }
    return { lookups, readings, notNull: this.#notNull(), foreignKeys: this.#foreignKeys() };
  }

  /** An index with those of the partitions. */
  #parts(relation: RelationRow): Named[] {
    if (relation.kind !== "I") return [namedRelation(this.#catalog, relation)];
    return this.#catalog.inheritance
      .filter(({ parent }) => parent === relation.oid)
      .flatMap(({ child }) => {
        const part = this.#catalog.relations.get(child);
        return part === undefined ? [] : this.#parts(part);
      });
  }

  /** How an index is read; else why it is not. */
  #reading(index: IndexRow): Reading | string {
    const relation = this.#catalog.relations.get(index.index);
    if (relation?.accessMethod !== BTREE)
      return this.#catalog.accessMethods.get(relation?.accessMethod ?? "") ?? "no access method";
    if (!index.isValid) return "not valid";
    if (index.hasExpressions) return "expressions";
    if (index.hasPredicate) return "partial";
    const columns = index.columns.map((number) => this.#columns.get(number));
    const names: string[] = [];
    for (const [i, column] of columns.entries()) {
      if (column === undefined) return "columns that are not there";
      if (!isServers(baseType(this.#catalog, column.type))) return "a type that is not the server's own";
      if (i < index.keyColumns && !isServers(index.classes[i] ?? "")) return "an order that is not the server's own";
      // initdb makes deterministic ones only.
      if (Number(index.collations[i] ?? "0") >= FIRST_NORMAL_OID) return "a collation that is not the server's own";
      names.push(column.name);
    }
    const whole: ReadIndex = { ...namedRelation(this.#catalog, relation), parts: this.#parts(relation) };
    return {
      table: this.#table,
      index: whole,
      keys: names.slice(0, index.keyColumns).map((name, i) => ({
        name,
        isDescending: (Number(index.options[i]) & DESCENDING) !== 0,
        nullsFirst: (Number(index.options[i]) & NULLS_FIRST) !== 0,
      })),
      included: names.slice(index.keyColumns),
    };
  }

  #lookupColumns(index: IndexRow): LookupColumn[] | null {
    const columns: LookupColumn[] = [];
    for (const [i, number] of index.columns.slice(0, index.keyColumns).entries()) {
      const column = this.#columns.get(number);
      const equals = this.#equality(index.classes[i] ?? "");
      if (column === undefined || equals === undefined) return null;
      columns.push({ name: column.name, mayBeNull: !this.#isNeverNull(column), equals });
    }
    return columns;
  }

  /** The operator that a class of a btree calls equality. */
  #equality(oid: string): string | undefined {
    const operators = this.#catalog.operatorClasses.get(oid);
    return operators && this.#catalog.equalities.get(`${operators.family} ${operators.type}`);
  }

  #notNull(): string[] {
    return [...this.#columns.values()]
      .filter((column) => column.generated === "" && this.#isNeverNull(column))
      .map(({ name }) => name);
  }

  /** Since PostgreSQL 18 a column can be NOT NULL and have rows from before in which it is. */
  #isNeverNull({ notNull, number }: ColumnRow): boolean {
    const isDoubtful = this.#catalog.constraints.some(
      ({ relation, kind, validated, columns }) =>
        relation === this.#table.oid && kind === "n" && !validated && columns.includes(number),
    );
    return notNull && !isDoubtful;
  }

  #foreignKeys(): ForeignKey[] {
    return this.#catalog.constraints
      .filter(({ relation }) => relation === this.#table.oid)
      .flatMap((constraint) => {
        if (constraint.kind === "c" || constraint.kind === "x")
          this.#leaveOut(
            `${this.#name}: constraint ${constraint.name} (${constraint.kind === "c" ? "check" : "exclusion"})`,
          );
        if (constraint.kind !== "f") return [];
        const key = this.#foreignKey(constraint);
        if (typeof key !== "string") return [key];
        this.#leaveOut(`${this.#name}: foreign key ${constraint.name} (${key})`);
        return [];
      });
  }

  /** How a foreign key is checked; else why it is not. */
  #foreignKey(constraint: Catalog["constraints"][number]): ForeignKey | string {
    const parent = this.#catalog.relations.get(constraint.references);
    if (parent === undefined || !this.#audited.has(parent.oid)) return "of a table that is not audited";
    if (parent.kind !== "r") return "of a partitioned table";
    if (!constraint.validated || !constraint.enforced) return "not valid for all rows";
    const columns = constraint.columns.map((number, i) => {
      const own = this.#columns.get(number);
      const other = this.#catalog.columns.find(
        (column) => column.relation === parent.oid && column.number === constraint.referenced[i],
      );
      const areServers = [own, other].every(
        (column) => column !== undefined && isServers(baseType(this.#catalog, column.type)),
      );
      return own === undefined || other === undefined || !areServers
        ? null
        : { name: own.name, parent: other.name, mayBeNull: !this.#isNeverNull(own) };
    });
    const known = columns.flatMap((column) => column ?? []);
    if (known.length < columns.length) return "a type that is not the server's own";
    return { name: constraint.name, table: this.#table, parent: namedRelation(this.#catalog, parent), columns: known };
  }
}
