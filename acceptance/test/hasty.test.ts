import { attach } from "@scidex/audit-schema";
import { startEmbedded } from "@scidex/audit-testkit";
import { expect, test } from "vitest";
import { connect, openAuditedDatabase } from "../src/audited-database.ts";
import { expectClean } from "../src/expect-clean.ts";
import { openPublishedChain } from "../src/published-chain.ts";

const CRASHES = 4;

test(`rows committed under synchronous_commit=off survive a crash once they are published, and may be lost before`, async () => {
  // Nobody else flushes what such commits leave in memory: not for ten seconds.
  await using server = await startEmbedded({ settings: { wal_writer_delay: "10s", autovacuum: "off" } });
  await using database = await openAuditedDatabase(server);
  await using chain = await openPublishedChain();
  const { sql, url } = database;
  await sql`create table notes (id text primary key)`;
  await attach(database.db, "notes", { mode: "strict" });
  let lost = 0;
  for (let crash = 1; crash <= CRASHES; crash++) {
    {
      await using hasty = connect(url, { connection: { synchronous_commit: "off" } });
      for (let n = 0; n < 20; n++) await hasty`insert into notes values (${`${crash} published ${n}`})`;
      expect((await chain.publish(sql)).status).toBe("intact");
      for (let n = 0; n < 20; n++) await hasty`insert into notes values (${`${crash} later ${n}`})`;
      await server.kill();
    }
    await server.start();
    expectClean(await chain.verify(sql));
    const kept = await sql<{ id: string }[]>`select id from notes where id like ${`${crash} %`}`;
    expect(kept.filter(({ id }) => id.includes("published"))).toHaveLength(20);
    lost += 40 - kept.length;
  }
  // Else nothing was tested.
  expect(lost).toBeGreaterThan(0);
});
