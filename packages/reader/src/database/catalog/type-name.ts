import { quotedName } from "@scidex/audit-core";
import { isBuiltin } from "./oids.ts";

/** What the name of a type is made of: columns of its row in `pg_type`. Oids are decimal text, `0` for none. */
export interface NamedType {
  /** `typname` and the oid `typnamespace`. */
  readonly name: string;
  readonly schema: string;
  /** `typelem`: what it is an array of, if that type's `typarray` says so too. */
  readonly element: string;
  /** `typarray`: the type of its arrays. */
  readonly array: string;
}

/** Rows that have been read already. */
export interface TypeNames {
  type(oid: string): NamedType | undefined;
  schemaName(oid: string): string | undefined;
}

/**
 * The name of a type with its modifier, worked out from rows of `pg_type` without asking the server.
 *
 * For PostgreSQL's own types (oids below 10,000) and their arrays it is what `pg_catalog.format_type(oid, modifier)`
 * prints in the versions 14 to 18, whatever the search path is. For any other type it is `"schema"."name"`, always in
 * quotes: which names `format_type` quotes depends on the version's keywords, and whether it writes the schema on the
 * session. A modifier of such a type is ` modifier N`: to print it as the type does (`geometry(Point,4326)`), the server
 * calls a function that somebody else wrote.
 *
 * @param modifier as in `atttypmod`, -1 for none; null prints the name as SQL does without a modifier: `bit`, and not
 *   `"bit"`, which is the type without a length
 * @returns `???` for a type that is gone and `-` for the oid 0, as `format_type` does
 */
export function formatType(types: TypeNames, oid: string, modifier: number | null): string {
  if (oid === "0") return "-";
  const type = types.type(oid);
  const element = type === undefined ? null : arrayElement(types, oid, type);
  // One level, as the server does: an array of arrays is no type of SQL's, and an edit can make one of itself.
  return element === null ? plainName(types, oid, modifier) : `${plainName(types, element, modifier)}[]`;
}

function plainName(types: TypeNames, oid: string, modifier: number | null): string {
  const type = types.type(oid);
  if (type === undefined) return "???";
  if (isBuiltin(oid)) return builtinName(type.name, modifier);
  const name = `${quotedName(types.schemaName(type.schema) ?? type.schema)}.${quotedName(type.name)}`;
  return modifier === null || modifier < 0 ? name : `${name} modifier ${modifier}`;
}

/** The type of an array's elements; null for a type that is no array, `oidvector` and `int2vector` included. */
export function arrayElement(types: TypeNames, oid: string, type: NamedType): string | null {
  return type.element !== "0" && types.type(type.element)?.array === oid ? type.element : null;
}

/** Bytes of a value's length word, which modifiers count too. */
const HEADER = 4;

type Print = (modifier: number) => string;
const length: Print = (modifier) => (modifier > HEADER ? `(${modifier - HEADER})` : "");
const bits: Print = (modifier) => `(${modifier})`;
const scaled: Print = (modifier) => {
  if (modifier < HEADER) return "";
  const both = modifier - HEADER;
  // 11 bits with a sign since PostgreSQL 15; the scales of 14, none below 0 and none above 1000, fit into them.
  return `(${(both >> 16) & 0xffff},${((both & 0x7ff) ^ 1024) - 1024})`;
};
const precise =
  (zone: string): Print =>
  (modifier) =>
    `(${modifier}) ${zone} time zone`;

/** Types that SQL has a name of its own for: `name`, what follows where there is no modifier, and what a modifier prints. */
const SQL_NAMES: Readonly<Record<string, { name: string; bare?: string; modified?: Print }>> = {
  bit: { name: "bit", modified: bits },
  bool: { name: "boolean" },
  bpchar: { name: "character", modified: length },
  float4: { name: "real" },
  float8: { name: "double precision" },
  int2: { name: "smallint" },
  int4: { name: "integer" },
  int8: { name: "bigint" },
  interval: { name: "interval", modified: intervalFields },
  numeric: { name: "numeric", modified: scaled },
  time: { name: "time", bare: " without time zone", modified: precise("without") },
  timetz: { name: "time", bare: " with time zone", modified: precise("with") },
  timestamp: { name: "timestamp", bare: " without time zone", modified: precise("without") },
  timestamptz: { name: "timestamp", bare: " with time zone", modified: precise("with") },
  varbit: { name: "bit varying", modified: bits },
  varchar: { name: "character varying", modified: length },
};

/** Names of builtin types that are keywords: all that `format_type` quotes. */
const KEYWORDS: ReadonlySet<string> = new Set(["any", "bit", "char"]);
/** Types whose SQL name without a length means another: `bit` is `bit(1)`, `character` is `character(1)`. */
const ONE_LONG: ReadonlySet<string> = new Set(["bit", "bpchar"]);

function builtinName(name: string, modifier: number | null): string {
  const given = modifier !== null && modifier >= 0;
  const sql = Object.hasOwn(SQL_NAMES, name) ? SQL_NAMES[name] : undefined;
  if (sql !== undefined && (given || modifier === null || !ONE_LONG.has(name)))
    return given && sql.modified !== undefined
      ? `${sql.name}${sql.modified(modifier)}`
      : `${sql.name}${sql.bare ?? ""}`;
  const quoted = KEYWORDS.has(name) ? quotedName(name) : name;
  return given ? `${quoted}(${modifier})` : quoted;
}

/** Fields of an interval by their bits in a modifier (`INTERVAL_MASK` in timestamp.h); all of them are not named. */
const FIELDS: ReadonlyMap<number, string> = new Map([
  [0x7fff, ""],
  [0x0004, " year"],
  [0x0002, " month"],
  [0x0008, " day"],
  [0x0400, " hour"],
  [0x0800, " minute"],
  [0x1000, " second"],
  [0x0006, " year to month"],
  [0x0408, " day to hour"],
  [0x0c08, " day to minute"],
  [0x1c08, " day to second"],
  [0x0c00, " hour to minute"],
  [0x1c00, " hour to second"],
  [0x1800, " minute to second"],
]);

/** Fields in the upper half, precision in the lower. The server refuses to print other fields: nothing records them. */
function intervalFields(modifier: number): string {
  const fields = FIELDS.get((modifier >> 16) & 0x7fff) ?? ` modifier ${modifier}`;
  const precision = modifier & 0xffff;
  return precision === 0xffff ? fields : `${fields}(${precision})`;
}
