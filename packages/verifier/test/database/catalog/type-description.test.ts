// The reader's descriptions of types beside those that the schema's function writes into the configuration.

import { migrate } from "@scidex/audit-schema";
import { createDatabase, type EmbeddedServer, type Template } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres, { type Sql } from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openChain } from "../../chain-database.ts";
import { readColumnTypes, TypeBoundError, withSnapshot } from "@scidex/audit-reader";
import {
  describeColumnTypes,
  MAX_TYPE_DEPTH,
  MAX_TYPE_LENGTH,
} from "../../../../reader/src/database/catalog/type-description.ts";
import { MAJORS, startMajor } from "../../../../reader/test/majors.ts";

const CHAIN: Template = {
  name: "verifier-types",
  prepare: async (url) => {
    const sql = postgres(url, { max: 1, onnotice: () => {} });
    await migrate(drizzle(sql));
    await sql.end();
  },
};

/** Every kind of type, and arrays of each. */
const TYPES = `
  create schema "Odd "" schema";
  create type "Odd "" schema"."select" as enum ('b', 'a', 'it''s', 'back\\slash', '', 'ä€😀');
  alter type "Odd "" schema"."select" add value 'before' before 'a';
  create type public.later as enum ();
  create domain public.cents as numeric(12, 2) check (value > 0);
  create domain public.many as "Odd "" schema"."select"[];
  create domain public.both as public.cents;
  create type public.pair as (x integer, "Y ""y""" varchar(7), gone text, m "Odd "" schema"."select");
  alter type public.pair drop attribute gone;
  create type public.outer as (p public.pair, l public.pair[], d public.many, "user" public.both[]);
  create type public.none as ();
  create type public.span as range (subtype = timestamptz, multirange_type_name = public.spans);
  create type public.moods as range (subtype = "Odd "" schema"."select");
  create type public.pairs as range (subtype = public.both);
  create table public.other (id integer, p public.pair);
  create table public.t (
    a integer, b varchar(20)[], c numeric(10, 3), d interval day to second(3), e "char", f bit(3), g bit varying, h oidvector, i name, j point[],
    k "Odd "" schema"."select", l "Odd "" schema"."select"[], m public.later, n public.cents, o public.cents[], p public.many, q public.many[],
    r public.both, s public.pair, t public.pair[], u public.outer, v public.outer[], w public.none, x public.span, y public.span[], z public.spans,
    aa public.spans[], ab public.moods, ac public.moods[], ad public.pairs, ae int4range, af int4range[], ag int4multirange, ah tstzmultirange[],
    ai public.other, aj pg_catalog.pg_database, ak information_schema.sql_identifier, al information_schema.sql_identifier[], am pg_catalog.pg_stat_activity,
    an json, ao jsonb[], ap timestamp(3) with time zone, aq time(0)[], ar bpchar, as_ xid8, at regclass, au tsvector, av inet, gone integer)`;

async function recorded(sql: Sql): Promise<Map<string, string>> {
  const rows = await sql<{ name: string; description: string }[]>`
    select attname as name, public.audit_chain_type_description(atttypid, atttypmod) as description
      from pg_attribute where attrelid = 'public.t'::regclass and attnum > 0 and not attisdropped`;
  return new Map(rows.map(({ name, description }) => [name, description]));
}

async function worked(sql: Sql): Promise<Map<string, string>> {
  const [row] = await sql<{ oid: number }[]>`select 'public.t'::regclass::oid as oid`;
  return await withSnapshot(sql, async ([lane]) => await readColumnTypes(lane, row?.oid ?? 0));
}

describe.each(MAJORS)("PostgreSQL %i", (major) => {
  let server: EmbeddedServer;
  beforeAll(async () => {
    server = await startMajor(major);
  });
  afterAll(async () => await server.stop());

  test("describes columns of every kind of type as the configuration does", async () => {
    await using database = await createDatabase({ server, template: CHAIN });
    const { sql } = database;
    await sql.unsafe(TYPES);
    await sql`alter table public.t drop column gone`;
    const there = await recorded(sql);
    expect(await worked(sql)).toEqual(there);
    expect(there.get("s")).toBe(
      String.raw`"public"."pair"("x" integer,"Y ""y""" character varying(7),"m" "Odd "" schema"."select"{'b','before','a','it''s',E'back\\slash','','ä€😀'})`,
    );
    expect(there.get("o")).toBe('"public"."cents"[]=numeric(12,2)');
    expect(there.get("p")).toMatch(/^"public"\."many"="Odd "" schema"\."select"\[\]\{'b',/u);
    expect(there.get("aa")).toBe('"public"."spans"[]="public"."span"=timestamp with time zone');
    expect(there.get("ab")).toMatch(/^"public"\."moods"="Odd "" schema"\."select"\{'b',/u);
    expect(there.get("ak")).toMatch(/^"information_schema"\."sql_identifier"=/u);
    expect(there.get("w")).toBe('"public"."none"()');
    expect(there.get("f")).toBe("bit(3)");
  });

  test("ends at a composite that is made of itself, and names it", async () => {
    await using database = await createDatabase({ server, template: CHAIN });
    const { sql } = database;
    await sql.unsafe(`
      create type public.comp as (a integer, b text); create table public.t (id integer, c public.comp);
      set allow_system_table_mods = on;
      update pg_attribute set atttypid = 'public.comp'::regtype where attrelid = (select typrelid from pg_type where typname = 'comp') and attname = 'a'`);
    await expect(worked(sql)).rejects.toThrow(
      new TypeBoundError(`the type "public"."comp" is nested deeper than ${MAX_TYPE_DEPTH} types`),
    );
    await expect(recorded(sql)).rejects.toMatchObject({ code: "54001" });
  });
});

test("150 domains over each other in a database", async () => {
  await using database = await createDatabase({ template: CHAIN });
  const { sql } = database;
  const depth = 150;
  const domains = Array.from({ length: depth }, (_, n) => `create domain public.d${n + 1} as public.d${n}`);
  await sql.unsafe(
    `create domain public.d0 as integer; ${domains.join("; ")}; create table public.t (c public.d${depth}, e public.d90[])`,
  );
  await expect(worked(sql)).rejects.toThrow(`the type "public"."d${depth - MAX_TYPE_DEPTH - 1}" is nested deeper`);
  await sql`alter table public.t drop column c`;
  expect(await worked(sql)).toEqual(await recorded(sql));
});

test("an enum with more labels than can be described, and another that is read after it", async () => {
  await using database = await createDatabase({ template: CHAIN });
  const { sql } = database;
  await sql.unsafe(`
    create type public.many as enum ('x'); set allow_system_table_mods = on;
    insert into pg_enum (oid, enumtypid, enumsortorder, enumlabel)
      select 1000000 + n, 'public.many'::regtype, n + 1, rpad('label ' || n, 60, '-') from generate_series(1, 40000) as n;
    create type public.few as enum ('a', 'b'); create table public.t (f public.few); create table public.u (m public.many)`);
  expect(await worked(sql)).toEqual(await recorded(sql));
  const [row] = await sql<
    { t: string; u: string }[]
  >`select 'public.t'::regclass::oid::text as t, 'public.u'::regclass::oid::text as u`;
  const { t = "", u = "" } = row ?? {};
  await withSnapshot(sql, async ([lane]) => {
    const catalog = await lane.catalog();
    await catalog.need(lane, [t, u]);
    const said = `and of enums before it take more than ${MAX_TYPE_LENGTH} characters`;
    expect(() => describeColumnTypes(catalog, u)).toThrow(`the labels of "public"."many" ${said}`);
    // How it is described can no more be said; never that its labels are others.
    expect(() => describeColumnTypes(catalog, t)).toThrow(`the labels of "public"."few" ${said}`);
  });
});

test("a verification ends where a covered column's type is made of itself, and is unproven (C16)", async () => {
  const chain = await openChain();
  await chain.sql.unsafe(
    "create type public.comp as (a integer, b text); create table public.note (id integer primary key, c public.comp)",
  );
  await chain.sql`select public.audit_chain_attach('public.note', mode => 'strict')`;
  await chain.sql`insert into public.note values (1, row(1, 'x'))`;
  await chain.publish();
  await chain.attack(`set allow_system_table_mods = on;
    update pg_attribute set atttypid = 'public.comp'::regtype where attrelid = (select typrelid from pg_type where typname = 'comp') and attname = 'a'`);
  const report = await chain.verify();
  expect(report.status).toBe("unproven");
  expect(report.unproven?.join("; ")).toContain(
    `public.note: the type "public"."comp" is nested deeper than ${MAX_TYPE_DEPTH} types`,
  );
});
