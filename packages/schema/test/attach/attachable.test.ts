// Scenario: what stands in the way of auditing is said before anything is changed.
import { afterAll, beforeAll, expect, test } from "vitest";
import { attach, migrate } from "../../src/index.ts";
import { chainDatabase, connect } from "../database.ts";

let database: Awaited<ReturnType<typeof chainDatabase>>;
beforeAll(async () => {
  database = await chainDatabase();
});
afterAll(async () => database.drop());

/** What drizzle wraps. */
const cause = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? (error.cause ?? error) : error),
  );

test("a database of SQL_ASCII, and tables that Citus distributes, are refused before anything is changed", async () => {
  const { sql, db, url, name } = database;
  await sql.unsafe(
    `create database "${name}_ascii" encoding 'SQL_ASCII' template template0 lc_collate 'C' lc_ctype 'C'`,
  );
  try {
    await using ascii = connect(url.replace(name, `${name}_ascii`));
    await migrate(ascii.db);
    await ascii.sql`create table person (id int primary key, name text)`;
    expect(await cause(attach(ascii.db, "person"))).toMatchObject({
      code: "0A000",
      message: expect.stringContaining("SQL_ASCII") as string,
      hint: expect.stringContaining("UTF8") as string,
    });
    await ascii.sql`insert into person values (1, E'Ren\\xe9')`;
  } finally {
    await sql.unsafe(`drop database "${name}_ascii" with (force)`);
  }
  // What stands for Citus: its catalog of distributed tables.
  await sql.begin(async (tx) => {
    await tx.unsafe(`set local allow_system_table_mods = on; create table pg_catalog.pg_dist_partition (logicalrelid regclass);
      create table sharded (id int primary key); create table local_one (id int primary key); insert into pg_dist_partition values ('sharded')`);
  });
  expect(await cause(attach(db, "sharded"))).toMatchObject({
    code: "42809",
    message: expect.stringContaining("distributed by Citus") as string,
  });
  expect(await attach(db, "local_one")).toMatchObject({ kind: "local_one" });
  await sql.begin(async (tx) => {
    await tx.unsafe("set local allow_system_table_mods = on; drop table pg_catalog.pg_dist_partition");
  });
});
