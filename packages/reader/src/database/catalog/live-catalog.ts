import type { Scanner } from "../scanner.ts";
import type { BuiltinManifest } from "../builtin/builtin-manifest.ts";
import type { Attribute, DescribedType, TypeCatalog } from "./type-description.ts";
import { formatType } from "./type-name.ts";
import { MAX_TYPE_DEPTH, MAX_TYPE_LENGTH } from "./type-description.ts";
import { TypeBoundError } from "./type-description.ts";
import { flag, readCatalogRows, text } from "./read-catalog-rows.ts";

/** A row of pg_class. Oids are decimal text. */
export interface LiveRelation {
  readonly oid: string;
  readonly name: string;
  readonly schema: string;
  /** As in `relkind`: r for a table, p for a partitioned one. */
  readonly kind: string;
  /** Under which file its rows are stored. */
  readonly file: string;
  readonly pages: number;
}

/** A type with the oids of its output and send functions, with a comma between. */
interface LiveType extends DescribedType {
  readonly functions: string;
}

/** Output and send functions that all enums, composites, ranges and multiranges have. */
const FUNCTIONS_OF_KINDS: Readonly<Record<string, string>> = {
  e: "3507,3533",
  c: "2291,2403",
  r: "3835,3837",
  m: "4232,4234",
};

/** An attribute with its number, and whether its values are generated from others. */
export interface LiveAttribute extends Attribute {
  readonly number: number;
  readonly isGenerated: boolean;
}

/** What a relation's rows are stored in: what is needed to read any relation, as the snapshot has it. Oids are decimal text. */
export class LiveCatalog implements TypeCatalog {
  readonly #manifest: BuiltinManifest;
  readonly #schemas: ReadonlyMap<string, string>;
  readonly #relations: ReadonlyMap<string, LiveRelation>;
  readonly #byName: ReadonlyMap<string, LiveRelation>;
  readonly #children: ReadonlyMap<string, readonly string[]>;
  readonly #types: ReadonlyMap<string, LiveType>;
  readonly #subtypes: ReadonlyMap<string, string>;
  readonly #attributes = new Map<string, readonly LiveAttribute[]>();
  /** Null: not all of an enum's labels have been kept. */
  readonly #labels = new Map<string, readonly string[] | null>();

  private constructor(given: {
    manifest: BuiltinManifest;
    schemas: ReadonlyMap<string, string>;
    relations: readonly LiveRelation[];
    children: ReadonlyMap<string, readonly string[]>;
    types: ReadonlyMap<string, LiveType>;
    subtypes: ReadonlyMap<string, string>;
  }) {
    this.#manifest = given.manifest;
    this.#schemas = given.schemas;
    this.#relations = new Map(given.relations.map((relation) => [relation.oid, relation]));
    this.#byName = new Map(given.relations.map((relation) => [nameKey(relation.schema, relation.name), relation]));
    this.#children = given.children;
    this.#types = given.types;
    this.#subtypes = given.subtypes;
  }

  static async read(lane: Scanner, manifest: BuiltinManifest): Promise<LiveCatalog> {
    const schemas = await readCatalogRows(
      lane,
      manifest,
      "pg_namespace",
      ["oid", "nspname"],
      (f) => [text(f, 0), text(f, 1)] as const,
    );
    const relations = await readCatalogRows(
      lane,
      manifest,
      "pg_class",
      ["oid", "relname", "relnamespace", "relkind", "relfilenode", "relpages"],
      (f): LiveRelation => ({
        oid: text(f, 0),
        name: text(f, 1),
        schema: text(f, 2),
        kind: text(f, 3),
        file: text(f, 4),
        pages: Number(text(f, 5)),
      }),
    );
    const children = new Map<string, string[]>();
    await readCatalogRows(lane, manifest, "pg_inherits", ["inhrelid", "inhparent"], (f) => {
      const list = children.get(text(f, 1)) ?? [];
      children.set(text(f, 1), list);
      list.push(text(f, 0));
      return null;
    });
    const types = await readCatalogRows(
      lane,
      manifest,
      "pg_type",
      [
        "oid",
        "typname",
        "typnamespace",
        "typtype",
        "typelem",
        "typarray",
        "typbasetype",
        "typtypmod",
        "typrelid",
        "typoutput",
        "typsend",
      ],
      (f): [string, LiveType] => [
        text(f, 0),
        {
          name: text(f, 1),
          schema: text(f, 2),
          kind: text(f, 3),
          element: text(f, 4),
          array: text(f, 5),
          base: text(f, 6),
          baseModifier: Number(text(f, 7)),
          relation: text(f, 8),
          functions: `${text(f, 9)},${text(f, 10)}`,
        },
      ],
    );
    const subtypes = new Map<string, string>();
    await readCatalogRows(lane, manifest, "pg_range", ["rngtypid", "rngmultitypid", "rngsubtype"], (f) => {
      subtypes.set(text(f, 0), text(f, 2)).set(text(f, 1), text(f, 0));
      return null;
    });
    return new LiveCatalog({
      manifest,
      schemas: new Map(schemas),
      relations,
      children,
      types: new Map(types),
      subtypes,
    });
  }

  get manifest(): BuiltinManifest {
    return this.#manifest;
  }

  relation(schema: string, name: string): LiveRelation | undefined {
    for (const [oid, schemaName] of this.#schemas)
      if (schemaName === schema) return this.#byName.get(nameKey(oid, name));
    return undefined;
  }

  relationOf(oid: string): LiveRelation | undefined {
    return this.#relations.get(oid);
  }

  /** Inheritance children and partitions. */
  childrenOf(oid: string): readonly string[] {
    return this.#children.get(oid) ?? [];
  }

  /** A relation with all below it. */
  treeOf(oid: string): string[] {
    const tree = new Set([oid]);
    // A Set ends also where somebody has made a relation its own descendant.
    for (const each of tree) for (const child of this.childrenOf(each)) tree.add(child);
    return [...tree];
  }

  /**
   * Reads the attributes of relations, with those of the composite types among them and the labels of enums: once each, and
   * of all of them at once.
   */
  async need(lane: Scanner, relations: Iterable<string>): Promise<void> {
    let wanted = new Set([...relations].filter((oid) => !this.#attributes.has(oid)));
    const enums = new Set<string>();
    for (let depth = 0; wanted.size > 0 && depth <= MAX_TYPE_DEPTH + 1; depth++) {
      const read = await this.#readAttributes(lane, wanted);
      for (const oid of wanted) this.#attributes.set(oid, read.get(oid) ?? []);
      const composites = new Set<string>();
      for (const attributes of read.values()) for (const { type } of attributes) this.#partsOf(type, composites, enums);
      wanted = new Set([...composites].filter((oid) => !this.#attributes.has(oid)));
    }
    await this.#readLabels(lane, enums);
  }

  async #readAttributes(lane: Scanner, wanted: ReadonlySet<string>): Promise<Map<string, LiveAttribute[]>> {
    const attributes = new Map<string, LiveAttribute[]>();
    const columns = ["attrelid", "attname", "atttypid", "atttypmod", "attnum", "attisdropped", "attgenerated"];
    await readCatalogRows(lane, this.#manifest, "pg_attribute", columns, (f) => {
      const oid = text(f, 0);
      const number = Number(text(f, 4));
      if (!wanted.has(oid) || number <= 0 || flag(f, 5)) return null;
      const list = attributes.get(oid) ?? [];
      attributes.set(oid, list);
      const isGenerated = /[a-z]/u.test(text(f, 6));
      list.push({ name: text(f, 1), type: text(f, 2), modifier: Number(text(f, 3)), number, isGenerated });
      return null;
    });
    for (const list of attributes.values()) list.sort((a, b) => a.number - b.number);
    return attributes;
  }

  /** Relations of the composites that a type is made of, without going into their own attributes, and its enums. */
  #partsOf(oid: string, composites: Set<string>, enums: Set<string>): void {
    const parts = new Set([oid]);
    for (const part of parts) {
      const type = this.#types.get(part);
      if (type === undefined) continue;
      if (type.kind === "c") composites.add(type.relation);
      if (type.kind === "e" && !this.#labels.has(part)) enums.add(part);
      for (const next of [type.element, type.base, this.#subtypes.get(part) ?? "0"]) if (next !== "0") parts.add(next);
    }
  }

  async #readLabels(lane: Scanner, enums: ReadonlySet<string>): Promise<void> {
    if (enums.size === 0) return;
    const labels = new Map<string, { label: string; order: number }[]>();
    const cut = new Set<string>();
    let length = 0;
    await readCatalogRows(lane, this.#manifest, "pg_enum", ["enumtypid", "enumlabel", "enumsortorder"], (f) => {
      if (!enums.has(text(f, 0))) return null;
      if (length > MAX_TYPE_LENGTH) {
        cut.add(text(f, 0));
        return null;
      }
      length += text(f, 1).length + 1;
      const list = labels.get(text(f, 0)) ?? [];
      labels.set(text(f, 0), list);
      list.push({ label: text(f, 1), order: Number(text(f, 2)) });
      return null;
    });
    for (const oid of enums) {
      const list = (labels.get(oid) ?? []).toSorted((a, b) => a.order - b.order);
      this.#labels.set(oid, cut.has(oid) ? null : list.map(({ label }) => label));
    }
  }

  /** Oids of a type's output and send functions, with a comma between. */
  functionsOf(oid: string): string | undefined {
    return this.#types.get(oid)?.functions;
  }

  /**
   * The functions that a type must have which is no base type: those of all of its kind, or of the type that it is made of.
   * Undefined for a base type.
   */
  ownFunctionsOf(oid: string): string | undefined {
    const type = this.#types.get(oid);
    if (type?.kind === "d") return this.functionsOf(type.base);
    if (type?.kind === "b" && type.element !== "0" && this.#types.get(type.element)?.array === oid) return "751,2401";
    return FUNCTIONS_OF_KINDS[type?.kind ?? ""];
  }

  /** The types of relations' attributes, and what these are made of. The attributes must have been read. */
  typesOf(relations: Iterable<string>): Set<string> {
    const types = new Set<string>();
    for (const relation of relations) for (const { type } of this.attributesOf(relation)) types.add(type);
    for (const oid of types) {
      const type = this.#types.get(oid);
      if (type === undefined) continue;
      for (const next of [type.element, type.base, this.#subtypes.get(oid) ?? "0"]) if (next !== "0") types.add(next);
      if (type.kind === "c") for (const part of this.attributesOf(type.relation)) types.add(part.type);
    }
    return types;
  }

  type(oid: string): DescribedType | undefined {
    return this.#types.get(oid);
  }

  schemaName(oid: string): string | undefined {
    return this.#schemas.get(oid);
  }

  attributesOf(relation: string): readonly LiveAttribute[] {
    return this.#attributes.get(relation) ?? [];
  }

  /** @throws {TypeBoundError} where the labels of the enums that were asked for take more memory than they may */
  labelsOf(type: string): readonly string[] {
    const labels = this.#labels.get(type);
    // Without those that were not kept, an honest enum would look changed by the size of somebody else's.
    if (labels === null)
      throw new TypeBoundError(
        `the labels of ${formatType(this, type, null)} and of enums before it take more than ${MAX_TYPE_LENGTH} characters`,
      );
    return labels ?? [];
  }

  rangeSubtype(oid: string): string | undefined {
    return this.#subtypes.get(oid);
  }
}

const nameKey = (schema: string, name: string): string => `${schema} ${name}`;
