import { attach, migrate } from "@scidex/audit-schema";
import { asRole, createDatabase, startEmbedded } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { expect, test } from "vitest";
import { backfill } from "../src/index.ts";
import { expectCovered } from "./fixture.ts";

test("a login that is no superuser, which set up the chain and owns the tables, can do all of it", async () => {
  const server = await startEmbedded();
  try {
    await using database = await createDatabase({ server });
    const { sql } = database;
    await sql.unsafe(`create role setter login createrole password 'p'; alter database "${database.name}" owner to setter;
      grant create, usage on schema public to setter`);
    const setter = postgres(asRole(database.url, "setter", "p"), { max: 1, onnotice: () => {} });
    await migrate(drizzle(setter));
    await setter.unsafe(`create table kept (id int primary key); insert into kept select generate_series(1, 50);
      create table live (id int primary key, n int); insert into live select g, 0 from generate_series(1, 50) as g`);
    await attach(drizzle(setter), "kept");
    await attach(drizzle(setter), "live", { changes: "track" });
    expect((await backfill(setter, { batch: 20 })).tables).toMatchObject([
      { table: "public.kept", added: 50, complete: true },
      { table: "public.live", added: 50, complete: true },
    ]);
    await setter.end();
    await expectCovered(sql, { kind: "kept", key: ["id"], columns: ["id"] });
    await expectCovered(sql, { kind: "live", key: ["id"], columns: ["id", "n"] });
  } finally {
    await server.stop();
  }
});
