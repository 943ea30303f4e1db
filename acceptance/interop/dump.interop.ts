import { type EmbeddedServer, toDatabase } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import { attach, migrate } from "@scidex/audit-schema";
import type { Sql } from "postgres";
import { expect, test } from "vitest";
import { connect, openAuditedDatabase } from "../src/audited-database.ts";
import { createBusyTables, writeInEveryWay, writeInTwoPhases } from "../src/busy-tables.ts";
import { expectClean } from "../src/expect-clean.ts";
import { openPublishedChain } from "../src/published-chain.ts";
import { runProgram } from "./programs.ts";
import { startMajor, startNewest } from "./servers.ts";

const state = async (sql: Sql) => ({
  chain: await sql`select c::text from audit_chain as c order by seq`,
  pending: await sql`select p::text from audit_chain_pending as p order by id`,
  owners: await sql`
    select relname, pg_get_userbyid(relowner) as owner from pg_class where relnamespace = 'public'::regnamespace order by relname`,
  // Newer versions have more privileges, which an owner has on what is its own.
  grants: await sql`
    select c.relname, g.grantee::regrole::text, g.privilege_type from pg_class as c, aclexplode(c.relacl) as g
     where c.relnamespace = 'public'::regnamespace and g.grantee <> c.relowner order by 1, 2, 3`,
});

test.each<[string, () => Promise<EmbeddedServer>, readonly string[]]>([
  ["another server of the same version", async () => await startMajor(15), []],
  ["a server of a newer major version", startNewest, []],
  ["another server, in PostgreSQL's own format", async () => await startMajor(15), ["--format=custom"]],
])(
  "a full dump restored into %s verifies clean against the same heads, and the chain goes on there",
  async (_, start, format) => {
    await using server = await startMajor(15);
    await using other = await start();
    await using database = await openAuditedDatabase(server);
    await using chain = await openPublishedChain();
    const { sql, url } = database;
    await createBusyTables(sql, database.db);
    await writeInEveryWay(url, "before", () => true);
    await writeInTwoPhases(url, "before");
    expect((await chain.publish(sql)).status).toBe("intact");
    // Some rows after the head, linked and waiting.
    await sql`insert into sealed_rows (id) select 'waiting ' || g from generate_series(1, 50) as g`;
    await sql`insert into strict_rows (id) values ('not published')`;

    const roles = await runProgram("pg_dumpall", server.url, ["--roles-only", "--no-role-passwords"]);
    // The superuser is there already.
    const others = roles.replaceAll(/^(?:CREATE|ALTER) ROLE postgres\b.*$/gmu, "");
    await runProgram("psql", other.url, ["--quiet", "--set=ON_ERROR_STOP=1"], others);
    await runProgram("psql", other.url, ["--quiet", "--set=ON_ERROR_STOP=1", "--command=create database restored"]);
    const restoredUrl = toDatabase(other.url, "restored");
    if (format.length === 0) {
      const dump = await runProgram("pg_dump", url, []);
      await runProgram("psql", restoredUrl, ["--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction"], dump);
    } else {
      const file = `${server.dataDir}.dump`;
      await runProgram("pg_dump", url, [...format, `--file=${file}`]);
      await runProgram("pg_restore", restoredUrl, ["--exit-on-error", "--jobs=2", "--dbname=restored", file]);
    }

    await using restored = connect(restoredUrl, { max: 2 });
    expect(await state(restored)).toEqual(await state(sql));
    const report = await chain.verify(restored);
    expectClean(report);
    expect(report).toMatchObject({ pending: 50n });

    await migrate(drizzle(restored));
    await attach(drizzle(restored), "strict_rows");
    expectClean(await chain.verify(restored));
    await writeInEveryWay(restoredUrl, "after", () => true);
    await writeInTwoPhases(restoredUrl, "after");
    expect(await restored`select audit_chain_seal(10) as n`).toEqual([{ n: 10 }]);
    expect((await chain.publish(restored)).status).toBe("intact");
    const later = await chain.verify(restored);
    expectClean(later);
    expect(later).toMatchObject({ pending: 0n, unanchored: 0n });
  },
  240_000,
);
