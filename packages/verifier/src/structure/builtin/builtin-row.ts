import { hash as digestOf } from "node:crypto";
import {
  type BuiltinCatalog,
  type CatalogColumn,
  type Field,
  FIRST_GENERATED_OID,
  FIRST_NORMAL_OID,
} from "@scidex/audit-reader";
import { fieldValue, oidOf } from "./field-value.ts";

/** A row that is PostgreSQL's own, or has the key of one. Valid while it is being taken. */
export interface BuiltinRow {
  readonly catalog: string;
  /** Values of the key's columns, separated by spaces; a relation at a generated OID by its name. */
  readonly key: string;
  /** Whether only initdb gives this OID: a row that no manifest knows was put there by somebody. */
  readonly isReserved: boolean;
  /** See {@link hashRow}. */
  readonly hash: string;
  /** What it is, such as `the cast from int4 to oid`. */
  what(): string;
  /** All compared values that are set, in words. */
  values(): string;
}

/** The schema pg_catalog. */
const PG_CATALOG = 11;
/** Owned and named by whoever owns the database. */
const PUBLIC = 2200;

/** Where in the text of its statement a part of a parsed one stood. Spaces within a name or value are escaped. */
const LOCATIONS = / :(?:location|stmt_location|stmt_len|list_start|list_end|rexpr_list_start|rexpr_list_end) -?\d+/gu;

/** Characters of a row's hash, in base64url without padding: 9 bytes. */
const HASH_LENGTH = 12;

/** What is hashed, one row at a time. */
let scratch = Buffer.allocUnsafe(16_384);

/**
 * The first 9 bytes of a SHA-256, in base64url. Catalog and key are hashed first, each with a zero byte after it. The
 * compared fields follow in the order of `attnum`, as a binary COPY has them: a 32-bit length (-1 for NULL) and the
 * bytes.
 *
 * 72 bits are enough: catalog and key are hashed too, so that only a second preimage of one row helps an attacker. Of
 * parsed expressions (pg_node_tree), places in the source's text are left out: a release note's `CREATE OR REPLACE
 * VIEW` moves them.
 */
export function hashRow(catalog: string, key: string, fields: readonly Field[]): string {
  const head = `${catalog}\0${key}\0`;
  const bytes = fields.reduce((sum, field) => sum + 4 + (field?.length ?? 0), Buffer.byteLength(head));
  // Some ten thousand rows a look: one buffer for all of them takes half the time of one a field.
  if (bytes > scratch.length) scratch = Buffer.allocUnsafe(2 * bytes);
  let at = scratch.write(head);
  for (const field of fields) {
    at = scratch.writeInt32BE(field === null ? -1 : field.length, at);
    if (field !== null) at += field.copy(scratch, at);
  }
  return digestOf("sha256", scratch.subarray(0, at), "base64url").slice(0, HASH_LENGTH);
}

/**
 * Names of rows that others refer to, by catalog and OID; and the keys of those at generated OIDs, which are known by
 * name. Only of PostgreSQL's own rows: bounded, whatever else there is.
 */
export class RowNames {
  readonly #labels = new Map<string, Map<number, string>>();
  readonly #keys = new Map<string, Map<number, string>>();

  add(catalog: string, oid: number, label: string, key: string): void {
    put(this.#labels, catalog, oid, label);
    if (oid >= FIRST_GENERATED_OID) put(this.#keys, catalog, oid, key);
  }

  label(catalog: string, oid: number): string {
    return this.#labels.get(catalog)?.get(oid) ?? String(oid);
  }

  /** The key of a row at a generated OID; undefined where it is not one of PostgreSQL's own. */
  key(catalog: string, oid: number): string | undefined {
    return this.#keys.get(catalog)?.get(oid);
  }
}

function put(maps: Map<string, Map<number, string>>, catalog: string, oid: number, text: string): void {
  const map = maps.get(catalog) ?? new Map<number, string>();
  maps.set(catalog, map.set(oid, text));
}

/** Which columns of a catalog are read, in this order, and what {@link RowDecoder} makes of them. */
export class RowDecoder {
  readonly columns: readonly CatalogColumn[];
  readonly #catalog: BuiltinCatalog;
  readonly #names: RowNames;
  readonly #places: ReadonlyMap<string, number>;
  /** Places of the columns that are hashed: those of the key are in the key. */
  readonly #hashed: readonly number[];

  /** @param columns those of the server's version */
  constructor(catalog: BuiltinCatalog, columns: readonly CatalogColumn[], names: RowNames) {
    const { of, leftOut, key } = catalog;
    this.#catalog = catalog;
    this.#names = names;
    this.columns = columns.filter(({ name }) => name === of || !leftOut.includes(name));
    this.#places = new Map(this.columns.map(({ name }, i) => [name, i]));
    this.#hashed = this.columns.flatMap(({ name }, i) => (key.includes(name) || leftOut.includes(name) ? [] : [i]));
  }

  /** The row, if it is PostgreSQL's own by its OID, or has a key that `isKnown`; null for everybody else's. */
  decode(fields: readonly Field[], isKnown: (key: string) => boolean): BuiltinRow | null {
    const { name: catalog, of, named, label } = this.#catalog;
    const oid = oidOf(this.#field(fields, of));
    const key = this.#keyOf(fields, oid);
    if (key === null) return null;
    const isReserved = oid < FIRST_NORMAL_OID;
    if (!isReserved && !isKnown(key)) return null;
    if (label !== undefined || named !== undefined)
      this.#names.add(catalog, oid, this.#value(fields, label ?? "oid"), key);
    return {
      catalog,
      key,
      isReserved,
      hash: hashRow(catalog, key, this.#compared(fields, oid)),
      what: () => this.#describe(fields, key),
      values: () => this.#values(fields),
    };
  }

  #keyOf(fields: readonly Field[], oid: number): string | null {
    const { name: catalog, of, named, isOpen, key, refers } = this.#catalog;
    if (catalog === "pg_namespace" && oid === PUBLIC) return null;
    const isGenerated = oid >= FIRST_GENERATED_OID;
    const owner = refers?.[of];
    if (isGenerated && isOpen === true) return null;
    if (isGenerated && named !== undefined) {
      const { namespace, name } = named;
      const isOurs = namespace === null || oidOf(this.#field(fields, namespace)) === PG_CATALOG;
      return isOurs ? this.#value(fields, name) : null;
    }
    // Part of an object: known by the object's key.
    if (owner !== undefined && isGenerated && this.#names.key(owner, oid) === undefined) return null;
    return key
      .map((column) => {
        const referred = refers?.[column];
        const known =
          referred === undefined ? undefined : this.#names.key(referred, oidOf(this.#field(fields, column)));
        return known ?? this.#value(fields, column);
      })
      .join(" ");
  }

  /** The fields that are hashed. */
  #compared(fields: readonly Field[], oid: number): Field[] {
    const { named, refers } = this.#catalog;
    const isNamed = named !== undefined && oid >= FIRST_GENERATED_OID;
    return this.#hashed.map((i): Field => {
      const field = fields[i] ?? null;
      const column = this.columns[i];
      if (field !== null && column?.type === "pg_node_tree")
        return Buffer.from(field.toString().replace(LOCATIONS, ""));
      const referred = isNamed ? refers?.[column?.name ?? ""] : undefined;
      const known = referred === undefined ? undefined : this.#names.key(referred, oidOf(field));
      return known === undefined ? field : Buffer.from(known);
    });
  }

  #describe(fields: readonly Field[], key: string): string {
    const { name: catalog, noun, key: columns, label, refers } = this.#catalog;
    if (label !== undefined) return `the ${noun} ${this.#value(fields, label)}`;
    const parts = columns.map((column) => {
      const referred = refers?.[column];
      if (referred === undefined) return this.#value(fields, column);
      return this.#names.label(referred, oidOf(this.#field(fields, column)));
    });
    if (catalog === "pg_cast") return `the cast from ${parts.join(" to ")}`;
    if (catalog === "pg_attribute") return `the column ${this.#value(fields, "attname")} of ${parts[0]}`;
    if (catalog === "pg_rewrite") return `the rule ${parts[1]} of ${parts[0]}`;
    return `the ${noun} ${parts.length === 0 ? key : parts.join(" ")}`;
  }

  #values(fields: readonly Field[]): string {
    return this.columns
      .flatMap(({ name, type }, i) => {
        const field = fields[i] ?? null;
        return field === null || field.length === 0 ? [] : [`${name} ${fieldValue(field, type)}`];
      })
      .join(", ");
  }

  #field(fields: readonly Field[], column: string): Field | undefined {
    const place = this.#places.get(column);
    return place === undefined ? undefined : fields[place];
  }

  #value(fields: readonly Field[], column: string): string {
    const place = this.#places.get(column);
    return place === undefined ? "" : fieldValue(fields[place], this.columns[place]?.type ?? "");
  }
}
