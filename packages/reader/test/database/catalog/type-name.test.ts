import { createDatabase, type EmbeddedServer } from "@scidex/audit-testkit";
import type { Sql } from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isBuiltin } from "../../../src/database/catalog/oids.ts";
import { formatType } from "../../../src/database/catalog/type-name.ts";
import type { NamedType, TypeNames } from "../../../src/database/catalog/type-name.ts";
import { MAJORS, startMajor } from "../../majors.ts";

/** All types of a database. */
async function readNames(sql: Sql): Promise<TypeNames & { readonly oids: readonly string[] }> {
  const rows = await sql<(NamedType & { oid: string })[]>`
    select oid::text, typname as name, typnamespace::text as schema, typelem::text as element, typarray::text as array from pg_type`;
  const schemas = await sql<{ oid: string; name: string }[]>`select oid::text, nspname as name from pg_namespace`;
  const types = new Map(rows.map((row) => [row.oid, row]));
  const names = new Map(schemas.map((row) => [row.oid, row.name]));
  return { type: (oid) => types.get(oid), schemaName: (oid) => names.get(oid), oids: [...types.keys()] };
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const PRECISIONS = range(0, 6);
const LENGTHS = [1, 2, 3, 80, 255, 65_535, 10_485_760];
const FIELDS =
  "year,month,day,hour,minute,second,year to month,day to hour,day to minute,day to second,hour to minute,hour to second,minute to second";

const BARE =
  'numeric,varchar,bpchar,bit varying,interval,"char",name,text,oidvector,int2vector,time,timetz,timestamp,timestamptz,char,bit';

/** Declarations with each modifier that a column can have, or with enough of them. */
function declarations(major: number): string[] {
  const numerics = [1, 2, 9, 38, 999, 1000].flatMap((precision) => {
    const scales = major >= 15 ? [-1000, -999, -1, 0, 1, precision, 999, 1000] : [0, 1, precision];
    return scales.filter((scale) => major >= 15 || scale <= precision).map((scale) => `numeric(${precision},${scale})`);
  });
  const fields = FIELDS.split(",");
  const bare = [
    ...BARE.split(","),
    ...numerics,
    ...LENGTHS.flatMap((n) => [`varchar(${n})`, `char(${n})`, `bit(${n})`, `bit varying(${n})`]),
    ...PRECISIONS.flatMap((n) => [
      `time(${n})`,
      `timetz(${n})`,
      `timestamp(${n})`,
      `timestamptz(${n})`,
      `interval(${n})`,
    ]),
    ...fields.map((field) => `interval ${field}`),
    ...fields.filter((field) => field.endsWith("second")).flatMap((f) => PRECISIONS.map((n) => `interval ${f}(${n})`)),
  ];
  return bare.flatMap((declaration) => [declaration, `${declaration}[]`]);
}

describe.each(MAJORS)("PostgreSQL %i", (major) => {
  let server: EmbeddedServer;
  beforeAll(async () => {
    server = await startMajor(major);
  });
  afterAll(async () => await server.stop());

  test("names every builtin type as format_type does, with every modifier of a column", async () => {
    await using database = await createDatabase({ server });
    const { sql } = database;
    await sql`set search_path = pg_catalog, pg_temp`;
    const names = await readNames(sql);
    const builtin = names.oids.filter(isBuiltin);
    expect(builtin.length).toBeGreaterThan(190);

    const compare = async (rows: readonly { oid: string; modifier: number | null; name: string }[]) => {
      const differing = rows.filter((row) => formatType(names, row.oid, row.modifier) !== row.name);
      expect(differing.map((row) => [row, formatType(names, row.oid, row.modifier)])).toEqual([]);
    };
    // Numbers that no column has, too: but none of an interval, whose fields have to be some that there are, and of json,
    // which newer versions (18) print without them and older ones (14, 15) with them.
    await compare(
      await sql`
        select t.oid::text, m as modifier, format_type(t.oid, m) as name
          from pg_type as t
          left join lateral unnest(array[null, -1, -2, 0, 1, 3, 4, 5, 6, 7, 100, 65535, 65540, 655366, 2147483647]) as m on
               (m is null or m < 0 or (t.typname !~ 'interval|json$' and (t.typname !~ 'numeric' or m in (4, 5, 6, 7, 100, 65540, 655366))))
         where t.oid < 10000`,
    );
    const columns = declarations(major).map((declaration, n) => `c${n} ${declaration}`);
    expect(columns.length).toBeGreaterThan(200);
    for (let i = 0; i < columns.length; i += 500)
      await sql.unsafe(`create table public.columns_${i} (${columns.slice(i, i + 500).join(", ")})`);
    await compare(
      await sql`
        select a.atttypid::text as oid, a.atttypmod as modifier, format_type(a.atttypid, a.atttypmod) as name
          from pg_attribute as a join pg_class as c on c.oid = a.attrelid
         where c.relname like 'columns\\_%' and a.attnum > 0`,
    );
  });

  test("names other types by schema and name, in whatever session, and calls nothing of theirs", async () => {
    await using database = await createDatabase({ server });
    const { sql } = database;
    await sql.unsafe(`
      create schema "Odd "" schema"; create type "Odd "" schema"."a.b" as enum ('x'); create type public.json_table as enum ('x');
      create type pg_temp.passing as enum ('x');
      create function public.mod_in(cstring[]) returns integer language internal immutable strict as 'varchartypmodin';
      create function public.mod_out(integer) returns cstring language internal immutable strict as 'varchartypmodout';
      create type public.shape;
      create function public.shape_in(cstring, oid, integer) returns public.shape language internal immutable strict as 'varcharin';
      create function public.shape_out(public.shape) returns cstring language internal immutable strict as 'varcharout';
      create type public.shape (input = public.shape_in, output = public.shape_out, typmod_in = public.mod_in, typmod_out = public.mod_out, like = pg_catalog.varchar);
      create table public.t (a "Odd "" schema"."a.b", b public.json_table[], c public.shape(20), d public.shape(20)[], e public.shape)`);
    const names = await readNames(sql);
    const columns = await sql<{ name: string; type: string; modifier: number; known: string }[]>`
      select attname as name, atttypid::text as type, atttypmod as modifier, format_type(atttypid, atttypmod) as known
        from pg_attribute where attrelid = 'public.t'::regclass and attnum > 0 order by attnum`;
    expect(columns[2]?.known).toBe("shape(20)");
    expect(columns.map(({ type, modifier }) => formatType(names, type, modifier))).toEqual([
      '"Odd "" schema"."a.b"',
      '"public"."json_table"[]',
      '"public"."shape" modifier 24',
      '"public"."shape" modifier 24[]',
      '"public"."shape"',
    ]);
    const [passing] = await sql<{ oid: string; schema: string }[]>`
      select t.oid::text, n.nspname as schema from pg_type as t join pg_namespace as n on n.oid = t.typnamespace where t.typname = 'passing'`;
    expect(passing?.schema).toMatch(/^pg_temp_\d+$/u);
    expect(formatType(names, passing?.oid ?? "", null)).toBe(`"${passing?.schema}"."passing"`);
    expect([formatType(names, "4000000000", 3), formatType(names, "0", -1)]).toEqual(["???", "-"]);
    expect(await sql`select format_type(4000000000, 3) as gone, format_type(0, -1) as none`).toEqual([
      { gone: "???", none: "-" },
    ]);
  });
});
