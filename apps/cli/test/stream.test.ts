/** What sync mends of tables in the mode `stream`. The capture process itself is the publisher's, and none runs here. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ChainDatabase, chainDatabase } from "./chain-database.ts";
import { jsonOf } from "./run-cli.ts";

let db: ChainDatabase;
beforeAll(async () => {
  db = await chainDatabase();
});
afterAll(() => db.drop());

it("sync gives new partitions the identity that changes need, and puts back what a publication was made to leave out", async () => {
  const { sql, name } = db;
  await sql.unsafe(`create table parts (id int primary key, n int) partition by range (id);
    create table parts_1 partition of parts for values from (0) to (9); select audit_chain_publication('parts')`);
  await sql`select from pg_create_logical_replication_slot(${name}, 'pgoutput')`;
  const [{ pub } = { pub: "" }] = await sql<{ pub: string }[]>`select pubname::text as pub from pg_publication`;
  await sql`select public.audit_chain_follow(null, ${name}, array[${pub}::text], pg_current_wal_lsn(), null)`;
  expect(await db.run(["attach", "parts", "--mode", "stream"])).toMatchObject({ code: 0 });
  expect(await db.run(["sync", "--check"])).toMatchObject({ code: 0 });

  await sql.unsafe(`create table parts_2 partition of parts for values from (9) to (99);
    alter publication ${pub} set (publish = 'insert', publish_via_partition_root); alter publication ${pub} set table parts where (id > 5)`);
  const check = await db.run(["sync", "--check", "--json"]);
  expect(check.code).toBe(4);
  const { tables } = jsonOf(check) as { tables: { differences: { text: string; narrows: boolean }[] }[] };
  expect(tables[0]?.differences).toEqual([
    { text: "not all of it is sent to the capture process", narrows: false },
    { text: "public.parts_2 does not send what its rows were before a change", narrows: false },
    { text: "the partition public.parts_2 is new", narrows: false },
  ]);
  expect(await db.run(["sync"])).toMatchObject({ code: 0 });
  expect(await db.run(["sync", "--check"])).toMatchObject({ code: 0 });
  const [sent] = await sql`
    select p.pubinsert and p.pubupdate and p.pubdelete and p.pubtruncate as all, p.pubviaroot as via, m.prqual is null as unfiltered,
           (select string_agg(c.relreplident::text, '') from pg_class as c where c.relname like 'parts__' and c.relkind = 'r') as identities
      from pg_publication as p join pg_publication_rel as m on m.prpubid = p.oid`;
  expect(sent).toEqual({ all: true, via: false, unfiltered: true, identities: "ff" });
});
