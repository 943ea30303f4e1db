import { BOUNDS } from "../bounds.ts";
import { quotedLiteral, quotedName } from "@scidex/audit-core";
import { arrayElement, type NamedType, type TypeNames } from "./type-name.ts";
import { formatType } from "./type-name.ts";

/** Columns of a type's row in `pg_type`. Oids are decimal text, `0` for none. */
export interface DescribedType extends NamedType {
  /** `typtype`: b base, c composite, d domain, e enum, m multirange, p pseudo, r range. */
  readonly kind: string;
  /** `typbasetype` and `typtypmod`: what a domain is made of. */
  readonly base: string;
  readonly baseModifier: number;
  /** `typrelid`: the relation that has a composite's attributes. */
  readonly relation: string;
}

/** `attname`, `atttypid`, `atttypmod` of an attribute. */
export interface Attribute {
  readonly name: string;
  readonly type: string;
  readonly modifier: number;
}

/** Rows of the catalogs of types that have been read already. Oids are decimal text. */
export interface TypeCatalog extends TypeNames {
  type(oid: string): DescribedType | undefined;
  /** Of a relation (`pg_attribute`): numbers above 0, not dropped, in the order of their numbers. */
  attributesOf(relation: string): readonly Attribute[];
  /** Of an enum (`pg_enum`), in the order of `enumsortorder`. */
  labelsOf(type: string): readonly string[];
  /** What a range is made of (`rngsubtype`), and of a multirange its range (`pg_range`). */
  rangeSubtype(oid: string): string | undefined;
}

/** How deep a type may be made of others. */
export const MAX_TYPE_DEPTH = BOUNDS.typeDepth;
/** How long the descriptions of a relation's types may be, with those of what they are made of, in UTF-16 units. */
export const MAX_TYPE_LENGTH = BOUNDS.typeLength;

/**
 * A type whose description would never end, or fill the memory: made of itself by an edit of the catalog, nested
 * thousands deep, an enum of a million labels. What depends on it is `unproven`; the message names type and bound.
 */
export class TypeBoundError extends Error {
  override readonly name = "TypeBoundError";
}

/**
 * Describes the types of a relation's columns as the configuration does (`audit_chain_type_description`), from rows
 * that have been read: what a column's text depends on beside its value. After the type's name (`formatType`), that of
 * an array too, stand its parts: as `{…}` the labels of an enum, as `(…)` the attributes of a composite, as `=…` what a
 * domain, range or multirange is made of.
 *
 *     numeric(10,2)    "public"."mood"[]{'a','b'}    "public"."pair"("x" integer,"y" "app"."cents"=bigint)
 *
 * @returns descriptions by the columns' names
 * @throws {TypeBoundError} beyond MAX_TYPE_DEPTH or MAX_TYPE_LENGTH
 */
export function describeColumnTypes(catalog: TypeCatalog, relation: string): Map<string, string> {
  const describer = new Describer(catalog);
  return new Map(
    catalog.attributesOf(relation).map(({ name, type, modifier }) => [name, describer.describe(type, modifier, 0)]),
  );
}

/** Describes each type once, and counts what that takes. */
class Describer {
  readonly #catalog: TypeCatalog;
  readonly #known = new Map<string, string>();
  #length = 0;

  constructor(catalog: TypeCatalog) {
    this.#catalog = catalog;
  }

  describe(oid: string, modifier: number, depth: number): string {
    const key = `${oid} ${modifier}`;
    const known = this.#known.get(key);
    if (known !== undefined) return this.#count(known, oid);
    if (depth > MAX_TYPE_DEPTH)
      throw new TypeBoundError(`the type ${this.#name(oid)} is nested deeper than ${MAX_TYPE_DEPTH} types`);
    const description = this.#describe(oid, modifier, depth);
    this.#known.set(key, description);
    return description;
  }

  #describe(oid: string, modifier: number, depth: number): string {
    const name = this.#count(formatType(this.#catalog, oid, modifier), oid);
    const type = this.#catalog.type(oid);
    if (type === undefined) return name;
    // `[]` stands behind the name, before what its elements are made of: that tells an array of domains from a domain over
    // an array.
    const element = arrayElement(this.#catalog, oid, type);
    const elements = element === null ? undefined : this.#catalog.type(element);
    const inner =
      element === null || elements === undefined
        ? this.#inner(oid, type, depth + 1)
        : this.#inner(element, elements, depth + 1);
    return `${name}${inner}`;
  }

  #inner(oid: string, type: DescribedType, depth: number): string {
    if (type.kind === "e")
      return `{${this.#catalog
        .labelsOf(oid)
        .map((label) => this.#count(quotedLiteral(label), oid))
        .join(",")}}`;
    if (type.kind === "d") return `=${this.describe(type.base, type.baseModifier, depth)}`;
    if (type.kind === "c") {
      const parts = this.#catalog
        .attributesOf(type.relation)
        .map((a) => `${this.#count(quotedName(a.name), oid)} ${this.describe(a.type, a.modifier, depth)}`);
      return `(${parts.join(",")})`;
    }
    if (type.kind !== "r" && type.kind !== "m") return "";
    const subtype = this.#catalog.rangeSubtype(oid);
    return subtype === undefined ? "" : `=${this.describe(subtype, -1, depth)}`;
  }

  /** What has been described before counts again: types that hold others twice grow twofold with each level. */
  #count(text: string, oid: string): string {
    this.#length += text.length;
    if (this.#length > MAX_TYPE_LENGTH)
      throw new TypeBoundError(
        `the description of the type ${this.#name(oid)} takes more than ${MAX_TYPE_LENGTH} characters`,
      );
    return text;
  }

  #name(oid: string): string {
    return formatType(this.#catalog, oid, null).slice(0, 200);
  }
}
