import type { AttributeOf } from "../relation.ts";
import { isNode } from "./node-text.ts";
import type { NodePattern, Pattern } from "./pattern.ts";

/**
 * A statement with the plan that it must have: the verifier sends no other. What runs then is C code of the server,
 * which the executor finds by number without looking into a catalog. The values of a row's columns go straight to the
 * output functions of their types.
 */
export interface Form {
  readonly statement: string;
  readonly plan: Pattern;
  /** Whether names that are not ours stand in the plan, so that it may be one that cannot be read. */
  readonly hasNames?: true;
}

/** Functions of the server by oid, the same in every version, which the executor finds in its own table of them. */
export const FUNCTIONS = {
  textin: "46",
  array_out: "751",
  substr: "877",
  textcat: "1258",
  textlen: "1317",
  oidout: "1799",
  set_config: "2078",
  pg_show_all_settings: "2084",
  pg_current_wal_insert_lsn: "2852",
  pg_relation_filenode: "2999",
  pg_control_system: "3441",
  pg_get_replication_slots: "3781",
  pg_last_wal_replay_lsn: "3821",
  pg_last_xact_replay_timestamp: "3830",
  pg_export_snapshot: "3809",
} as const;
/** Comparisons of a bigint with a bigint or an integer constant, and of an oid, by the function that is called. */
export const AT_LEAST = ["472", "479"];
export const AT_MOST = ["471", "478"];
/** Comparisons of places. */
export const PLACE_AT_LEAST = ["2792"];
export const PLACE_BELOW = ["2791"];
export const OID_EQUAL = ["184"];
export const INTEGER_EQUAL = ["65"];

export const T = {
  boolean: "16",
  name: "19",
  bigint: "20",
  integer: "23",
  text: "25",
  tid: "27",
  oid: "26",
  regclass: "2205",
  record: "2249",
  timestamptz: "1184",
  pg_lsn: "3220",
} as const;

/** Any of these atoms. */
export const oneOf =
  (atoms: readonly string[]): Pattern =>
  ([value, ...more]) =>
    more.length === 0 && typeof value === "string" && atoms.includes(value) ? null : `not one of ${atoms.join(", ")}`;
export const anything: Pattern = () => null;

export const node = (name: string, fields: NodePattern["fields"]): NodePattern => ({ node: name, fields });

export const column = (relation: string, { number, type }: AttributeOf): NodePattern =>
  node("VAR", { varno: relation, varattno: String(number), vartype: String(type) });

export const call = (name: keyof typeof FUNCTIONS, result: string, args: Pattern): NodePattern =>
  node("FUNCEXPR", { funcid: FUNCTIONS[name], funcresulttype: result, args });

export const compare = (functions: readonly string[], args: readonly Pattern[]): NodePattern =>
  node("OPEXPR", { opno: anything, opfuncid: oneOf(functions), args });

/** A constant of one of these types; `bytes` as the dump shows them. */
export const constant = (types: readonly string[], bytes: Pattern = anything): NodePattern =>
  node("CONST", { consttype: oneOf(types), constvalue: bytes });

/** `constvalue`: its length, then just these bytes between brackets, as signed numbers (`outDatum` in outfuncs.c). */
export const bytesAre =
  (expected: Uint8Array): Pattern =>
  ([length, ...bytes]) => {
    const shown = ["[", ...[...new Int8Array(expected)].map(String), "]"];
    const isSame = bytes.length === shown.length && bytes.every((byte, i) => byte === shown[i]);
    return typeof length === "string" && isSame ? null : "another constant";
  };

/** A number as a Datum holds it, whatever its type's length is. */
export const number64 = (value: number | bigint): Uint8Array => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return bytes;
};

/** A text as the server holds it: its length in bytes, with the four bytes of the length, before it. */
function textBytes(text: string): Uint8Array {
  const body = Buffer.from(text);
  const header = Buffer.alloc(4);
  header.writeUInt32LE((body.length + 4) << 2);
  return Buffer.concat([header, body]);
}

/** The beginning of a block as the server holds a place: its number in two halves, and 0. */
function blockBytes(block: number): Uint8Array {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt16LE(block >>> 16, 0);
  bytes.writeUInt16LE(block & 0xffff, 2);
  return bytes;
}

export const placeOf = (block: number) => constant([T.tid], bytesAre(blockBytes(block)));
export const integer = (value: number) => constant([T.integer], bytesAre(number64(value)));
export const text = (value: string) => constant([T.text], bytesAre(textBytes(value)));

export function statementOf(planTree: Pattern, rtable: Pattern, relationOids: Pattern): Pattern {
  return node("PLANNEDSTMT", { commandType: "1", planTree, rtable, relationOids });
}

export const targets = (expressions: readonly Pattern[]): Pattern[] =>
  expressions.map((expr) => node("TARGETENTRY", { expr }));

/** Older versions call an entry of the range table RTE. */
export const rangeEntry = (fields: NodePattern["fields"]): Pattern => node("RTE|RANGETBLENTRY", fields);

export const table = (oid: number): Pattern => rangeEntry({ rtekind: "0", relid: String(oid), relkind: "r" });

/**
 * One relation alone, read from its beginning to its end.
 *
 * @param constants oids that stand in the statement: the server takes them for relations too
 */
export const sequentialScan = (
  oid: number,
  expressions: readonly Pattern[],
  qual: Pattern = "<>",
  constants: readonly number[] = [],
): Pattern =>
  statementOf(
    node("SEQSCAN", { targetlist: expressions.length === 0 ? "<>" : targets(expressions), qual, scanrelid: "1" }),
    [table(oid)],
    ["o", String(oid), ...constants.map(String)],
  );

/** The same of a range of its blocks. */
export const blockScan = (
  oid: number,
  expressions: readonly Pattern[],
  qual: Pattern,
  tidrangequals: readonly Pattern[],
): Pattern =>
  statementOf(
    node("TIDRANGESCAN", { targetlist: targets(expressions), qual, scanrelid: "1", tidrangequals }),
    [table(oid)],
    ["o", String(oid)],
  );

/** Something computed from constants; `condition` is what a row comes under. */
export const result = (
  expressions: readonly Pattern[],
  relationOids: Pattern = "<>",
  condition: Pattern = "<>",
): Pattern =>
  statementOf(
    node("RESULT", { targetlist: expressions.length === 0 ? "<>" : targets(expressions), resconstantqual: condition }),
    // Since PostgreSQL 18 there is an entry for the missing relation; before, none.
    (values) => {
      const [list] = values;
      if (list === "<>") return null;
      const [entry, ...more] = typeof list === "object" && !isNode(list) ? list : [];
      return more.length === 0 && isNode(entry) && entry.fields.get("rtekind")?.[0] === "8" ? null : "relations";
    },
    relationOids,
  );
