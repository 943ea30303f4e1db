import { quotedName } from "@scidex/audit-core";
import { FIRST_NORMAL_OID } from "../catalog/oids.ts";
import { attributeOf, type Blocks, type Rows, SLICE_CHARACTERS } from "../relation.ts";
import type { Column, Relation } from "../relation.ts";
import {
  anything,
  AT_LEAST,
  AT_MOST,
  blockScan,
  bytesAre,
  call,
  column,
  compare,
  constant,
  INTEGER_EQUAL,
  integer,
  node,
  number64,
  oneOf,
  PLACE_AT_LEAST,
  PLACE_BELOW,
  placeOf,
  sequentialScan,
  statementOf,
  T,
  table,
} from "./parts.ts";
import type { Form } from "./parts.ts";
import { partitionsPlan } from "./partitions-plan.ts";
import type { Pattern } from "./pattern.ts";

function sqlOf(item: Column): string {
  if (typeof item === "string") return `t.${quotedName(item)}`;
  const name = `t.${quotedName(item.slice)}`;
  const value = {
    text: name,
    tree: `${name}::pg_catalog.text`,
    array: `pg_catalog.textin(pg_catalog.array_out(${name}))`,
  }[item.of];
  return `pg_catalog.substr(${value}, 1, ${SLICE_CHARACTERS})`;
}

function planOf(relation: Relation, item: Column): Pattern {
  if (typeof item === "string") return column("1", attributeOf(relation, item));
  const name = column("1", attributeOf(relation, item.slice));
  const value = {
    text: name,
    tree: node("RELABELTYPE", { arg: name, resulttype: T.text }),
    array: call("textin", T.text, [call("array_out", "2275", [name])]),
  }[item.of];
  return call("substr", T.text, [value, integer(1), integer(SLICE_CHARACTERS)]);
}

/** Columns of one relation's own rows, as they stand there, without those of its children. */
export function scanForm(relation: Relation, columns: readonly Column[], rows: Rows = {}): Form {
  if (relation.leaves !== undefined) return partitionsForm(relation, relation.leaves, columns);
  // Names of our own for what comes out: those of columns can be anybody's, and stand in the dump.
  const list = columns.map((item, i) => `${sqlOf(item)} as c${i}`).join(", ");
  const conditions = conditionsOf(relation, rows);
  const places = rows.blocks === undefined ? [] : placesOf(relation, rows.blocks);
  const all = [...places, ...conditions];
  const where = all.length === 0 ? "" : ` where ${all.map(({ sql }) => sql).join(" and ")}`;
  const expressions = columns.map((item) => planOf(relation, item));
  const qual = conditions.length === 0 ? "<>" : conditions.map(({ plan }) => plan);
  const tidrangequals = places.map(({ plan }) => plan);
  return {
    statement: `select ${list} from only ${quotedName(relation.schema)}.${quotedName(relation.name)} as t${where}`,
    plan:
      places.length === 0
        ? sequentialScan(relation.oid, expressions, qual)
        : blockScan(relation.oid, expressions, qual, tidrangequals),
    ...(relation.oid >= FIRST_NORMAL_OID ? { hasNames: true } : {}),
  };
}

/** Columns of all rows of a partitioned table, which are read through it: whoever may read it may not read a partition. */
function partitionsForm(relation: Relation, leaves: readonly Relation[], columns: readonly Column[]): Form {
  const list = columns.map((item, i) => `${sqlOf(item)} as c${i}`).join(", ");
  return {
    statement: `select ${list} from ${quotedName(relation.schema)}.${quotedName(relation.name)} as t`,
    plan: partitionsPlan(leaves, columns),
    hasNames: true,
  };
}

function conditionsOf(relation: Relation, { from, to, kindLengths }: Rows): { sql: string; plan: Pattern }[] {
  const of = (name: string) => column("1", attributeOf(relation, name));
  const number = (value: bigint) => constant([T.integer, T.bigint], bytesAre(number64(value)));
  const conditions: { sql: string; plan: Pattern }[] = [];
  if (from !== undefined)
    conditions.push({ sql: `t.seq >= ${from}`, plan: compare(AT_LEAST, [of("seq"), number(from)]) });
  if (to !== undefined) {
    const atMost = { sql: `t.seq <= ${to}`, plan: compare(AT_MOST, [of("seq"), number(to)]) };
    const isNull = { sql: "t.seq is null", plan: node("NULLTEST", { arg: of("seq") }) };
    conditions.push(from === undefined ? anyOf([atMost, isNull]) : atMost);
  }
  if (kindLengths !== undefined)
    conditions.push(
      anyOf(
        kindLengths.map((length) => ({
          sql: `pg_catalog.length(t.event_kind) = ${length}`,
          plan: compare(INTEGER_EQUAL, [call("textlen", T.integer, [of("event_kind")]), integer(length)]),
        })),
      ),
    );
  return conditions;
}

/** The condition that a row lies in these blocks. */
function placesOf(relation: Relation, [from, to]: Blocks): { sql: string; plan: Pattern }[] {
  const of = (operator: string, functions: readonly string[], block: number) => ({
    sql: `t.ctid operator(pg_catalog.${operator}) '(${block},0)'::pg_catalog.tid`,
    plan: compare(functions, [column("1", attributeOf(relation, "ctid")), placeOf(block)]),
  });
  return [of(">=", PLACE_AT_LEAST, from), ...(to === null ? [] : [of("<", PLACE_BELOW, to)])];
}

function anyOf(conditions: readonly { sql: string; plan: Pattern }[]): { sql: string; plan: Pattern } {
  const [first, ...more] = conditions;
  if (first !== undefined && more.length === 0) return first;
  return {
    sql: `(${conditions.map(({ sql }) => sql).join(" or ")})`,
    plan: node("BOOLEXPR", { boolop: "or", args: conditions.map(({ plan }) => plan) }),
  };
}

/** The keys of a catalog's index, which must be those of the catalog. `columns` are the index's own, and no others. */
export function indexForm(relation: Relation, index: number, columns: readonly string[]): Form {
  const list = columns.map((name, i) => `t.${quotedName(name)} as c${i}`).join(", ");
  return {
    statement: `select ${list} from only ${quotedName(relation.schema)}.${quotedName(relation.name)} as t`,
    plan: statementOf(
      node("INDEXONLYSCAN", {
        // Columns of the index, by their place in it.
        targetlist: anything,
        indextlist: anything,
        scanrelid: "1",
        indexid: String(index),
        indexorderdir: oneOf(["0", "1"]),
      }),
      [table(relation.oid)],
      ["o", String(relation.oid)],
    ),
  };
}
