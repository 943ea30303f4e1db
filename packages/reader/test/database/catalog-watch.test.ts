// C14: the catalog changed between two statements, and put back.

import { createDatabase, type EmbeddedServer, type Template, type TestDatabase } from "@scidex/audit-testkit";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CatalogError, CatalogWatch, withSnapshot } from "../../src/index.ts";
import { startMajor } from "../majors.ts";

/** A table whose types are builtin and not. */
const TABLE: Template = {
  name: "reader-catalog-watch",
  prepare: async (url) => {
    const sql = postgres(url, { max: 1, onnotice: () => {} });
    await sql.unsafe(`
      create schema app;
      create type app.mood as enum ('calm', 'cross');
      create table app."Odd ""name""" (id integer primary key, m app.mood, t timestamptz[]);
      insert into app."Odd ""name""" values (1, 'calm', null)`);
    await sql.end();
  },
};

const FLIPS = [
  [
    "the output function of text",
    "update pg_type set typoutput = 'nameout'::regproc where oid = 25",
    "update pg_type set typoutput = 'textout'::regproc where oid = 25",
  ],
  [
    "a cast",
    "update pg_cast set castcontext = 'a' where castsource = 23 and casttarget = 26",
    "update pg_cast set castcontext = 'i' where castsource = '23'::oid and casttarget = '26'::oid",
  ],
  [
    "the function of an operator",
    "update pg_operator set oprcode = 'int8lt'::regproc where oid = 415",
    "update pg_operator set oprcode = 'int8ge'::regproc where oid = 415",
  ],
  [
    "a column of a catalog",
    "update pg_attribute set attnotnull = false where attrelid = 1247 and attnum = 2",
    "update pg_attribute set attnotnull = true where attrelid = 1247 and attnum = 2",
  ],
  [
    "the output function of a table's enum",
    "update pg_type set typoutput = 'textout'::regproc where oid = 'app.mood'::regtype",
    "update pg_type set typoutput = 'enum_out'::regproc where oid = 'app.mood'::regtype",
  ],
] as const;

describe.each([15, 18] as const)("PostgreSQL %i", (major) => {
  let server: EmbeddedServer;
  beforeAll(async () => {
    server = await startMajor(major);
  });
  afterAll(async () => await server.stop());

  async function changed(database: TestDatabase, statements: string): Promise<void> {
    await database.sql.begin(async (tx) => {
      await tx`set local allow_system_table_mods = on`;
      await tx.unsafe(statements);
    });
  }

  test.each([...FLIPS])("%s is changed and put back while it is read", async (_, there, back) => {
    await using database = await createDatabase({ server, template: TABLE });
    const never = Promise.withResolvers<never>().promise;
    const watch = await CatalogWatch.begin(database.sql.options, never);
    try {
      await withSnapshot(database.sql, async ([lane]) => {
        const catalog = await lane.catalog();
        const table = catalog.relation("app", 'Odd "name"');
        await catalog.need(lane, [table?.oid ?? ""]);
        await watch.prove(catalog, catalog.typesOf([table?.oid ?? ""]));
        await changed(database, there);
        await changed(database, back);
      });
      await expect(watch.end()).rejects.toThrow(CatalogError);
    } finally {
      await watch.close();
    }
  });

  test("what others change in rows of their own is nobody's concern", async () => {
    await using database = await createDatabase({ server, template: TABLE });
    const watch = await CatalogWatch.begin(database.sql.options, Promise.withResolvers<never>().promise);
    await database.sql.unsafe(
      "create table public.other (id int); create type public.t as enum ('a'); drop type public.t",
    );
    await database.sql.unsafe("analyze; create function public.f() returns int language sql as 'select 1'");
    await expect(watch.end()).resolves.toBeUndefined();
    await watch.close();
  });
});
