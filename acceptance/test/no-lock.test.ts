import { attach } from "@scidex/audit-schema";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type AuditedDatabase, connect, openAuditedDatabase } from "../src/audited-database.ts";
import { expectClean } from "../src/expect-clean.ts";
import { openPublishedChain, type PublishedChain } from "../src/published-chain.ts";

/** How long a statement may wait for a lock: it fails then, so that what would hang shows without a clock. */
const PATIENCE = { connection: { lock_timeout: 5_000 } };
const LOCK_NOT_AVAILABLE = "55P03";

let database: AuditedDatabase;
let chain: PublishedChain;
beforeAll(async () => {
  database = await openAuditedDatabase();
  chain = await openPublishedChain();
  await database.sql`create table strict_rows (id text primary key)`;
  await database.sql`create table sealed_rows (id text primary key)`;
  await attach(database.db, "strict_rows", { mode: "strict" });
  await attach(database.db, "sealed_rows", { mode: "sealed" });
});
afterAll(async () => {
  await database.drop();
  await chain[Symbol.asyncDispose]();
});

async function expectCleanWith(kinds: readonly string[], ids: readonly string[]): Promise<void> {
  expect((await chain.publish(database.sql)).status).toBe("intact");
  expectClean(await chain.verify(database.sql));
  const links = await database.sql<{ event_pk: string }[]>`
    select event_pk from audit_chain where event_kind = any (string_to_array(${kinds.join(",")}, ','))
       and event_pk = any (string_to_array(${ids.join(",")}, ',')) order by seq`;
  expect(links.map((link) => link.event_pk)).toEqual(ids);
}

test("two connections of one process that each insert in one operation do not hang, in whatever order they commit", async () => {
  await using first = connect(database.url, PATIENCE);
  await using second = connect(database.url, PATIENCE);
  for (const [n, table] of ["strict_rows", "sealed_rows"].entries()) {
    await first`begin`;
    await second`begin`;
    await first`insert into ${first(table)} values (${`${n} first`})`;
    await second`insert into ${second(table)} values (${`${n} second`})`;
    await first`insert into ${first(table)} values (${`${n} first again`})`;
    await second`commit`;
    await first`commit`;
  }
  await expectCleanWith(
    ["strict_rows", "sealed_rows"],
    ["0 second", "0 first", "0 first again", "1 first", "1 second", "1 first again"],
  );
});

test("a transaction that stays open holds up nobody else's audited insert, sealing or publication", async () => {
  await using open = connect(database.url, PATIENCE);
  await using other = connect(database.url, PATIENCE);
  await open`begin`;
  await open`insert into strict_rows values ('open')`;
  await open`insert into sealed_rows values ('open sealed')`;
  await other`insert into strict_rows values ('other')`;
  await other`insert into sealed_rows values ('other sealed')`;
  expect(await other`select audit_chain_seal(100) as n`).toEqual([{ n: 1 }]);
  await other`select audit_chain_append('event', 'other', sha256('x'))`;
  expect((await chain.publish(database.sql)).status).toBe("intact");
  // While they are open, both rows belong to nobody: neither in the chain nor missing from it.
  expectClean(await chain.verify(database.sql));
  await open`commit`;
  await expectCleanWith(["strict_rows", "sealed_rows"], ["other", "other sealed", "open", "open sealed"]);
});

test("the append door holds the chain's lock to the end: doors beside it wait, and a commit leaves its rows to the sealer", async () => {
  await using door = connect(database.url);
  await using other = connect(database.url, { connection: { lock_timeout: 100 } });
  await door`begin`;
  await door`select audit_chain_append('event', 'door', sha256('x'))`;

  await other`insert into sealed_rows values ('beside the door')`;
  await other`insert into strict_rows values ('at the door')`;
  await expect(other`select audit_chain_append('event', 'too early', sha256('x'))`).rejects.toMatchObject({
    code: LOCK_NOT_AVAILABLE,
  });
  await expect(other`select audit_chain_seal(100)`).rejects.toMatchObject({ code: LOCK_NOT_AVAILABLE });
  await other`select audit_chain_enqueue('event', 'enqueued', sha256('x'))`;

  await door`commit`;
  await other`insert into strict_rows values ('after the door')`;
  expect(await other`select mode, event_pk from audit_chain_pending order by id`).toMatchObject([
    { mode: "sealed", event_pk: "beside the door" },
    { mode: "late", event_pk: "at the door" },
    { mode: "sealed", event_pk: "enqueued" },
  ]);
  await expectCleanWith(
    ["strict_rows", "sealed_rows", "event"],
    ["door", "after the door", "beside the door", "at the door", "enqueued"],
  );
});
