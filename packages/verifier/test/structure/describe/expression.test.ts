import { createDatabase } from "@scidex/audit-testkit";
import type { Sql } from "postgres";
import { beforeAll, describe, expect, test } from "vitest";
import { describeExpression, type ExpressionNames } from "../../../src/structure/describe/expression.ts";
import { type Major, MAJORS, startMajor } from "../../../../reader/test/majors.ts";

/** One of each node that is understood, and some whose difference is small. */
const CHECKS = [
  "octet_length(t) = 32 and not (a is null) or a between 1 and 2",
  "octet_length(t) = 32 and not (a is null) or a between 1 and 3",
  "octet_length(t) = 32 and not (a is not null) or a between 1 and 2",
  "a in (1, 2, 3)",
  "a not in (1, 2, 3)",
  "a <> any (array[1, 2, 3])",
  "t like any (array['a%', 'b'])",
  "t ~ '^x' and t::varchar(3) = 'abc'",
  "t ~ '^x' and t::varchar(4) = 'abc'",
  "t || 'é' = 'y'",
  `t collate "C" > 'x'`,
  "t > 'x'",
  "case when a > 1 then true else false end",
  "case a when 1 then b when 2 then false end",
  "coalesce(a, 1) > nullif(a, 2)",
  "greatest(a, 1) > 0 and a is distinct from 3 and (a > 1) is not true",
  "least(a, 1) > 0 and a is distinct from 3 and (a > 1) is not true",
  "least(a, 1) > 0 and a is distinct from 3 and (a > 1) is true",
  "l[1] = 'x' and l = array['a', t]",
  "l[1:2] = array[t] and l[:2] = '{}'",
  "l[2] = 'x' and l = array['a', t]",
  "ts > '2000-01-01Z' and a::text = '1'",
  "ts > '2000-01-01 00:00:00.000001Z' and a::text = '1'",
  "m = 'b'",
  "n > 1.50 and n < -3 and f > 1.5 and a::smallint > (-7)::smallint and a < -8",
  "current_user = 'x' and session_user <> 'y'",
  "s = 7 and public.own(a) > 0 and public.own(t) > 0",
  "concat(variadic l) = 'x'",
  "row(a, t) = row(1, t)",
  "c = 'abc'",
  "null::text is null",
  "uuid = '00000000-0000-0000-0000-000000000001'",
  "tableoid = 'public.t'::regclass",
];
const DEFAULTS = [
  "now()",
  "nextval('public.counter')",
  "'x'",
  "current_timestamp",
  "1.5",
  "localtimestamp(3)",
  "null",
  "'b'::public.mood",
];

const TABLE = `
  create sequence public.counter; create type public.mood as enum ('a', 'b'); create domain public.small as integer check (value < 10);
  create function public.own(integer) returns integer language sql immutable as 'select 1';
  create function public.own(text) returns integer language sql immutable as 'select 1';
  create table public.t (a integer, b boolean, t text, l text[], ts timestamptz, m public.mood, n numeric(10, 2), f float8, s public.small, c char(5), uuid uuid,
    ${CHECKS.map((check, i) => `constraint c${String(i).padStart(2, "0")} check (${check})`).join(",\n")});
  create index i on public.t (lower(t), (a + 1)) where t = 'strict';
  create table public.d (${DEFAULTS.map((value, i) => `c${i} ${["timestamptz", "bigint", "text", "timestamptz", "numeric", "timestamp", "text", "public.mood"][i]} default ${value}`).join(", ")});
  create function public.defaults(a text default null, b boolean default true, c text[] default '{}', d integer default public.own(1)) returns integer language sql as 'select 1'`;

async function readNames(sql: Sql): Promise<ExpressionNames> {
  const rows = await sql<{ what: string; oid: string; name: string }[]>`
    select 'type' as what, oid::text, oid::regtype::text as name from pg_type where oid >= 10000
    union all select 'function', oid::text, oid::regprocedure::text from pg_proc where oid >= 10000
    union all select 'relation', oid::text, relname from pg_class`;
  const names = new Map(rows.map(({ what, oid, name }) => [`${what} ${oid}`, name]));
  const named = (what: string) => (oid: string) => names.get(`${what} ${oid}`) ?? oid;
  return {
    column: (number) => number,
    type: named("type"),
    function: named("function"),
    relation: named("relation"),
    collation: (oid) => oid,
  };
}

/** Stored trees by what they belong to. */
async function readTrees(sql: Sql): Promise<ReadonlyMap<string, string>> {
  const rows = await sql<{ name: string; tree: string }[]>`
    select concat('check ', conname) as name, conbin::text as tree from pg_constraint where conrelid = 'public.t'::regclass and contype = 'c'
    union all select concat('default ', adnum), adbin::text from pg_attrdef where adrelid = 'public.d'::regclass
    union all select 'predicate', indpred::text from pg_index where indrelid = 'public.t'::regclass
    union all select 'index', indexprs::text from pg_index where indrelid = 'public.t'::regclass
    union all select 'arguments', proargdefaults::text from pg_proc where proname = 'defaults' order by 1`;
  return new Map(rows.map(({ name, tree }) => [name, tree]));
}

const stored = new Map<Major, { trees: ReadonlyMap<string, string>; names: ExpressionNames }>();
beforeAll(async () => {
  for (const major of MAJORS) {
    await using server = await startMajor(major);
    await using database = await createDatabase({ server });
    await database.sql.unsafe(`set time zone 'UTC'; ${TABLE}`);
    stored.set(major, { trees: await readTrees(database.sql), names: await readNames(database.sql) });
  }
});

test("an expression has the same description on 14, 15 and 18, and each its own", () => {
  const [oldest, middle, newest] = [...stored.values()].map(
    ({ trees, names }) => new Map([...trees].map(([name, tree]) => [name, describeExpression(tree, names)])),
  );
  expect(newest?.size).toBe(CHECKS.length + DEFAULTS.length - 1 + 3);
  expect(middle).toEqual(oldest);
  expect(newest).toEqual(oldest);
  expect([...(newest?.values() ?? [])].filter((text) => text?.includes("not understood"))).toEqual([]);
  // Oids of labels differ between databases; of this project's expressions none has any.
  expect(new Set(newest?.values()).size).toBe(newest?.size);
  expect(newest?.get("check c00")).toBe(
    "or(and(65/96(1374($3:25):23{collate 100}, 32:23):16, not(is null($1:23){nulltesttype 0})), " +
      "and(150/525($1:23, 1:23):16, 149/523($1:23, 2:23):16))",
  );
  expect(newest?.get("predicate")).toBe('67/98($3:25, "strict":25):16{collate 100}');
  expect(newest?.get("default 2")).toBe("1574(counter:2205):20");
  expect(newest?.get("arguments")).toBe("[null:25, 1:16, x000000000000000019000000:1009, own(integer)(1:23):23]");
});

test.each(MAJORS)(
  "whatever is changed in a tree of PostgreSQL %i shows, but where it was written and how it is displayed",
  (major) => {
    const { trees, names } = stored.get(major) ?? {};
    const silent = new Set<string>();
    for (const tree of trees?.values() ?? []) {
      const before = names && describeExpression(tree, names);
      for (const { index, 0: atom } of tree.matchAll(/(?<=[\s(])[^\s(){}[\]:]+(?=[\s)}])/gu)) {
        const changed = `${tree.slice(0, index)}${another(atom)}${tree.slice(index + atom.length)}`;
        if (names && describeExpression(changed, names) !== before) continue;
        const field = /:(\S+)[^:]*$/u.exec(tree.slice(0, index))?.[1] ?? "";
        const isNull = /^[^{]*:constisnull true/u.test(tree.slice(index));
        silent.add(isNull ? `${field} of null` : field);
      }
    }
    // How long a value would be and how it would be passed, if there were one.
    const ofNull = ["constbyval of null", "constcollid of null", "constlen of null"];
    const since18 = major === 18 ? ["list_end", "list_start"] : [];
    expect([...silent].toSorted()).toEqual([...ofNull, ...since18, ...DISPLAY].toSorted());
  },
);

/** Another value of the same sort. */
function another(atom: string): string {
  if (atom === "true" || atom === "false") return atom === "true" ? "false" : "true";
  if (!/^-?\d+$/u.test(atom)) return "17";
  // A byte stays one.
  return atom === "127" ? "1" : `${Number(atom) + 1}`;
}

/** What has no bearing on what is computed. */
const DISPLAY = [
  "array_collid",
  "casecollid",
  "coalescecollid",
  "coerceformat",
  "collation",
  "constcollid",
  "funccollid",
  "funcformat",
  "location",
  "minmaxcollid",
  "opcollid",
  "refcollid",
  "relabelformat",
  "resultcollid",
  "varattnosyn",
  "varcollid",
  "varnosyn",
];

describe("a tree that nobody wrote", () => {
  const names: ExpressionNames = {
    column: (n) => n,
    type: (oid) => oid,
    function: (oid) => oid,
    relation: (oid) => oid,
    collation: (oid) => oid,
  };
  const constant = (value: string, type = "23", length = "4", byValue = "true") =>
    `{CONST :consttype ${type} :consttypmod -1 :constcollid 0 :constlen ${length} :constbyval ${byValue} :constisnull false :location -1 :constvalue ${value}}`;

  test.each([
    ["nothing", ""],
    ["an atom", "7"],
    ["two trees", `${constant("4 [ 1 0 0 0 0 0 0 0 ]")} ${constant("4 [ 1 0 0 0 0 0 0 0 ]")}`],
    ["a second field beside the tree", `${constant("4 [ 1 0 0 0 0 0 0 0 ]")} :more 1`],
    ["an unknown node", "{SUBLINK :subLinkType 0}"],
    ["an unknown field", "{FUNCEXPR :funcid 1 :funcresulttype 23 :extra 1 :args <>}"],
    ["a field that is there twice", "{FUNCEXPR :funcid 1 :funcid 2 :funcresulttype 23 :args <>}"],
    ["a column of an outer query", "{VAR :varno 1 :varattno 1 :vartype 23 :vartypmod -1 :varlevelsup 1}"],
    ["a hashed search", "{SCALARARRAYOPEXPR :opno 96 :opfuncid 65 :hashfuncid 66 :useOr true :inputcollid 0 :args ()}"],
    ["a compressed constant", constant("8 [ 34 0 0 0 1 2 3 4 ]", "25", "-1", "false")],
    ["a constant that is longer than it says", constant("5 [ 24 0 0 0 1 2 ]", "25", "-1", "false")],
    ["a constant by value that is no word", constant("4 [ 1 0 ]")],
    ["bytes that are none", constant("4 [ 1000 0 0 0 ]")],
    ["a tree that is too deep", `${"{NULLTEST :arg ".repeat(500)}<>${" :nulltesttype 0 :argisrow false}".repeat(500)}`],
    ["a tree that is too long", `(${constant("4 [ 1 0 0 0 0 0 0 0 ]").repeat(1000)})`],
    ["broken text", "{FUNCEXPR :funcid (1"],
  ])("is not understood: %s", (_, tree) => {
    const text = describeExpression(tree, names);
    expect(text).toMatch(/^not understood: .*; SHA-256 [0-9a-f]{64}$/u);
    expect(text?.length).toBeLessThan(250);
    expect(describeExpression(`${tree} `, names)).not.toBe(text);
  });

  test("a word of memory is described in full, whatever length is claimed", () => {
    const byte = describeExpression(constant("1 [ 5 0 0 0 0 0 0 0 ]", "20", "1"), names);
    expect(byte).toBe("5:20");
    expect(describeExpression(constant("1 [ 5 1 0 0 0 0 0 0 ]", "20", "1"), names)).toBe("261:20");
  });

  test("a text cannot pass for another by what is in it", () => {
    const hex = constant("10 [ 40 0 0 0 120 34 44 32 49 58 ]", "25", "-1", "false");
    expect(describeExpression(hex, names)).toBe('"x\\", 1:":25');
  });

  test("no tree is none", () => expect(describeExpression(null, names)).toBeNull());
});
