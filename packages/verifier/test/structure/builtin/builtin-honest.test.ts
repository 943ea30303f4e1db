import { createDatabase, type EmbeddedServer, toDatabase } from "@scidex/audit-testkit";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareServer } from "../../../src/index.ts";
import { differencesAfter, MAJORS, said, startMajor } from "./builtin-servers.ts";

/** What lawful use does to builtin rows, and beside them. */
const LAWFUL: readonly (readonly [what: string, ...statements: string[]])[] = [
  ["nothing"],
  [
    "rights on functions, types, languages and catalogs",
    "revoke execute on function pg_catalog.pg_read_file(text) from public",
    "grant execute on function pg_catalog.pg_ls_dir(text) to public",
    "revoke usage on type pg_catalog.int8 from public",
    "revoke usage on language plpgsql from public",
    "revoke select on pg_catalog.pg_user_mapping from public",
    "revoke select (rolname) on pg_catalog.pg_roles from public",
    "revoke create on schema public from public",
    "alter default privileges revoke execute on functions from public",
  ],
  [
    "costs and comments",
    "alter function pg_catalog.sha256(bytea) cost 1000",
    "alter function pg_catalog.generate_series(int, int) rows 10",
    "comment on function pg_catalog.sha256(bytea) is 'hashes'",
    "comment on table pg_catalog.pg_cast is 'casts'",
  ],
  [
    "other owners",
    "do $$ begin if not exists (select from pg_roles where rolname = 'provider') then create role provider; end if; end $$",
    "alter function pg_catalog.sha256(bytea) owner to provider",
    "alter view pg_catalog.pg_roles owner to provider",
    "alter schema public owner to provider",
    "alter operator pg_catalog.= (int8, int8) owner to provider",
  ],
  [
    "statistics",
    "create table public.t (a int, b int)",
    "insert into public.t select i, i from generate_series(1, 500) as i",
    "create statistics public.s on a, b from public.t",
    "analyze",
    "alter table pg_catalog.pg_proc alter column proname set statistics 500",
    "alter table pg_catalog.pg_attribute set (autovacuum_vacuum_scale_factor = 0.05)",
  ],
  ["VACUUM FULL", "vacuum full"],
  ["VACUUM FULL of catalogs", "vacuum full pg_catalog.pg_proc", "vacuum full pg_catalog.pg_class"],
  ["CLUSTER of a catalog", "cluster pg_catalog.pg_cast using pg_cast_oid_index"],
  ["REINDEX of the catalogs", "do $$ begin end $$", "reindex table pg_catalog.pg_class", "reindex schema pg_catalog"],
  [
    "extensions in schemas of their own",
    "create schema ext",
    ...[
      "pgcrypto",
      "hstore",
      "citext",
      "btree_gist",
      "btree_gin",
      "pg_trgm",
      "ltree",
      "cube",
      "intarray",
      "isn",
      "seg",
    ].map((name) => `create extension ${name} schema ext`),
    "create extension pg_stat_statements schema public",
  ],
  [
    "extensions in pg_catalog",
    ...["hstore", "citext", "btree_gist", "pg_trgm", "pg_stat_statements", "unaccent", "tablefunc"].map(
      (name) => `create extension ${name} schema pg_catalog`,
    ),
  ],
  [
    "PL/pgSQL made anew, as an upgrade does",
    "drop extension plpgsql cascade",
    "create extension plpgsql",
    "create function public.f() returns int language plpgsql as 'begin return 1; end'",
  ],
  ["the schema public gone", "drop schema public cascade"],
  ["the schema public renamed", "alter schema public rename to old; create schema public"],
  ["information_schema gone", "drop schema information_schema cascade"],
  [
    "types, casts, operators, operator classes, ranges, aggregates, conversions and collations of the users'",
    "create type public.mood as enum ('calm', 'cross'); create type public.pair as (a int, b text)",
    "create domain public.short as text check (length(value) < 10)",
    "create type public.span as range (subtype = timestamptz)",
    "create function public.to_mood(int) returns public.mood language sql immutable as $$select 'calm'::public.mood$$",
    "create cast (int as public.mood) with function public.to_mood(int) as assignment",
    "create cast (public.mood as text) with inout as implicit",
    "create function public.text_to_int(text) returns int language sql immutable as 'select 1'",
    "create cast (text as int) with function public.text_to_int(text)",
    "create operator public.=== (leftarg = int, rightarg = int, function = int4eq)",
    "create operator pg_catalog.=== (leftarg = int, rightarg = int, function = int4eq)",
    "create operator class public.my_ops for type int using btree as operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, operator 5 >, function 1 btint4cmp(int, int)",
    "create function public.int_cmp(int, numeric) returns int language sql immutable as 'select 0'",
    "alter operator family pg_catalog.integer_ops using btree add function 1 (int, numeric) public.int_cmp(int, numeric)",
    "create aggregate public.total (int) (sfunc = int4pl, stype = int, initcond = '0')",
    "create conversion public.mine for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8",
    `create collation public.mine from "C"; create collation pg_catalog.mine from "C"`,
    "create text search configuration public.mine (copy = pg_catalog.english)",
    "create access method mine type table handler heap_tableam_handler",
  ],
  [
    "a builtin view made anew with the same text",
    "do $$ begin execute 'create or replace view pg_catalog.pg_tables as    ' || pg_get_viewdef('pg_catalog.pg_tables'::regclass); end $$",
  ],
  [
    "tables, indexes, rules, policies and triggers of the users'",
    "create table public.t (id int primary key, v text default 'x', w int generated always as (id * 2) stored)",
    "create index on public.t (lower(v)); create rule r as on delete to public.t do instead nothing",
    "alter table public.t enable row level security; create policy p on public.t using (true)",
    "create view public.pg_roles as select 1 as one",
    "create function pg_catalog.mine(int) returns int language sql as 'select 1'",
  ],
];

describe.each(MAJORS)("of PostgreSQL %i's own rows, nothing is found after", (major) => {
  let server: EmbeddedServer;
  beforeAll(async () => {
    server = await startMajor(major);
  });
  afterAll(async () => await server.stop());

  test.each(LAWFUL)("%s", async (_, ...statements) => {
    expect((await differencesAfter(server, statements)).map(said)).toEqual([]);
  });

  test.each([
    ["SQL_ASCII", "C"],
    ["LATIN1", "C"],
    ["EUC_JP", "C"],
    ["UTF8", "C.UTF-8"],
  ])("a database in the encoding %s and the locale %s was made", async (encoding, locale) => {
    await using database = await createDatabase({ server });
    const name = `encoded_${encoding.toLowerCase()}`;
    await database.sql.unsafe(
      `create database ${name} template template0 encoding '${encoding}' lc_collate '${locale}' lc_ctype '${locale}'`,
    );
    const sql = postgres(toDatabase(server.url, name), { max: 2, onnotice: () => {} });
    try {
      expect((await compareServer(sql, [])).differences.map(said)).toEqual([]);
    } finally {
      await sql.end();
    }
  });

  test("a login without rights looks", async () => {
    await using database = await createDatabase({ server });
    await database.sql.unsafe("create role plain login password 'plain'");
    const url = new URL(database.url);
    url.username = "plain";
    url.password = "plain";
    const sql = postgres(url.href, { max: 2, onnotice: () => {} });
    try {
      expect((await compareServer(sql, [])).differences.map(said)).toEqual([]);
    } finally {
      await sql.end();
    }
  });
});
