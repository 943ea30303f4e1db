import { attach, migrate } from "@scidex/audit-schema";
import { asRole, createDatabase, toDatabase } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import { expect, test } from "vitest";
import { connect, openAuditedDatabase } from "../src/audited-database.ts";
import { createBusyTables, writeInEveryWay, writeInTwoPhases } from "../src/busy-tables.ts";
import { expectClean } from "../src/expect-clean.ts";
import { openPublishedChain } from "../src/published-chain.ts";
import { startMajor } from "./servers.ts";

test.each([14, 15] as const)(
  "on PostgreSQL %s everything that writers do is captured and verifies clean",
  async (major) => {
    await using server = await startMajor(major);
    expect(server.version).toMatch(new RegExp(`^${major}\\.`, "u"));
    await using database = await openAuditedDatabase(server);
    await using chain = await openPublishedChain();
    const { sql, url } = database;
    await createBusyTables(sql, database.db);
    const written = await Promise.all([1, 2, 3].map(async (w) => await writeInEveryWay(url, `w${w}`, () => true)));
    const twoPhased = await writeInTwoPhases(url, "two-phase");
    expect((await chain.publish(sql)).status).toBe("intact");
    const report = await chain.verify(sql);
    expectClean(report);
    expect(report).toMatchObject({ pending: 0n, unanchored: 0n });
    const rows = await sql<{ id: string }[]>`select event_pk as id from audit_chain where event_kind = 'strict_rows'`;
    expect(rows.map(({ id }) => id).toSorted()).toEqual([...written.flat(), twoPhased].toSorted());
    await expect(sql`delete from strict_rows`).rejects.toMatchObject({ code: "AC004" });
  },
);

test.each([14, 15] as const)(
  "on PostgreSQL %s a role with CREATEROLE and no superuser sets the chain up, and it verifies clean",
  async (major) => {
    await using server = await startMajor(major);
    await using database = await createDatabase({ server });
    await using chain = await openPublishedChain();
    await database.sql.unsafe("create role installer login createrole password 'installer'");
    await database.sql.unsafe(`alter database ${database.name} owner to installer`);
    // Before PostgreSQL 15 nobody owned the schema public by owning the database.
    await database.sql.unsafe("alter schema public owner to installer");
    const url = toDatabase(asRole(server.url, "installer", "installer"), database.name);
    await using installer = connect(url, { max: 2 });
    await migrate(drizzle(installer));
    await installer`create table notes (id int primary key, body text)`;
    await attach(drizzle(installer), "notes", { mode: "strict" });
    await installer`insert into notes select g, 'text' from generate_series(1, 20) as g`;
    expect((await chain.publish(database.sql)).status).toBe("intact");
    const report = await chain.verify(database.sql);
    expectClean(report);
    expect(report).toMatchObject({ rows: 21n, unanchored: 0n });
  },
);
