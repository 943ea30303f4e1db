import { FIRST_NORMAL_OID, FIRST_UNPINNED_OID } from "@scidex/audit-reader";
import type { Catalog, ColumnRow, IndexRow, RelationRow } from "../structure/catalog/catalog.ts";
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
  /** Indexes that the server may use, and that are not read from end to end. */
  readonly unread: readonly ReadIndex[];
  /** Columns that must not be NULL. */
  readonly notNull: readonly string[];
  readonly foreignKeys: readonly ForeignKey[];
}

/** The access method of plain indexes, whose order is checked; its oid is built in. */
const BTREE = "403";
/** Families of the server's own whose order ORDER BY has no word for: text_pattern_ops, bpchar_pattern_ops, record_image_ops. */
const ODD_ORDERS: ReadonlySet<string> = new Set(["2095", "2097", "3194"]);
const DESCENDING = 1;
const NULLS_FIRST = 2;

/** What can be checked of one audited table. */
export class TablePlan {
  readonly #catalog: Catalog;
  readonly #table: ReadTable;
  readonly #audited: ReadonlySet<string>;
  readonly #leaveOut: (what: string) => void;
  readonly #columns: ReadonlyMap<string, ColumnRow>;
  /** Its own; hundreds of tables have thousands together. */
  readonly #constraints: Catalog["constraints"];

  constructor(catalog: Catalog, table: ReadTable, audited: ReadonlySet<string>, leaveOut: (what: string) => void) {
    this.#catalog = catalog;
    this.#table = table;
    this.#audited = audited;
    this.#leaveOut = leaveOut;
    const own = catalog.columns.filter((column) => column.relation === table.oid);
    this.#columns = new Map(own.map((column) => [column.number, column]));
    this.#constraints = catalog.constraints.filter(({ relation }) => relation === table.oid);
  }

  get #name(): string {
    return `${this.#table.schema}.${this.#table.name}`;
  }

  plan(): Pick<TableAccess, "lookups" | "readings" | "unread" | "notNull" | "foreignKeys"> {
    const lookups: Lookup[] = [];
    const readings: Reading[] = [];
    const unread: ReadIndex[] = [];
    for (const index of this.#catalog.indexes) {
      if (index.relation !== this.#table.oid) continue;
      const reading = this.#reading(index);
      if (typeof reading === "string") {
        this.#leaveOut(`${this.#name}: index ${indexName(this.#catalog, index)} (${reading})`);
        unread.push(...this.#whole(index));
        continue;
      }
      // A partitioned table without partitions has nothing to be looked up.
      if (reading.index.parts.length === 0) continue;
      if (this.#hasOddOrder(index)) {
        this.#leaveOut(`${this.#name}: index ${reading.index.name} (an order that ORDER BY does not ask for)`);
        unread.push(reading.index);
      } else readings.push(reading);
      const columns = index.isUnique ? this.#lookupColumns(index) : null;
      if (columns === null) continue;
      lookups.push({ table: this.#table, index: reading.index, columns });
    }
    return { lookups, readings, unread, notNull: this.#notNull(), foreignKeys: this.#foreignKeys() };
  }

  /** None where the catalog has no such relation. */
  #whole({ index }: IndexRow): ReadIndex[] {
    const relation = this.#catalog.relations.get(index);
    return relation === undefined ? [] : [{ ...namedRelation(this.#catalog, relation), parts: this.#parts(relation) }];
  }

  #hasOddOrder({ classes, keyColumns }: IndexRow): boolean {
    return classes
      .slice(0, keyColumns)
      .some((oid) => ODD_ORDERS.has(this.#catalog.operatorClasses.get(oid)?.family ?? ""));
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
      // Neither ORDER BY nor a key finds its way into such an index without naming the collation.
      if (i < index.keyColumns && (index.collations[i] ?? "0") !== column.collation)
        return "a collation that is not the column's own";
      names.push(column.name);
    }
    const [whole] = this.#whole(index);
    if (whole === undefined) return "a relation that is not there";
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
    const isDoubtful = this.#constraints.some(
      ({ kind, validated, columns }) => kind === "n" && !validated && columns.includes(number),
    );
    return notNull && !isDoubtful;
  }

  #foreignKeys(): ForeignKey[] {
    return this.#constraints.flatMap((constraint) => {
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

export const indexName = (catalog: Catalog, index: IndexRow): string =>
  catalog.relations.get(index.index)?.name ?? index.index;

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
