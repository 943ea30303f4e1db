/** What is said of linked events at once, and what is not: doors' own deletions, changes that do not go on from the chain (B12). */
import { expect, test } from "vitest";
import { expectIntact } from "../../../../packages/schema/test/recompute.ts";
import { type Captured, captured } from "./capturing.ts";

const said = ({ notices }: Captured) =>
  notices.map(({ check, eventKind, seq }) => `${check} ${eventKind}${seq === undefined ? "" : ` ${seq}`}`);

const newestOf = async ({ sql }: Captured, kind: string) =>
  (
    await sql<{ text: string }[]>`
      select concat(event_kind, ' ', split_part(event_pk, '@', 1)) as text from audit_chain
       where split_part(event_kind, ':', 1) = ${kind} order by seq`
  ).map(({ text }) => text);

test("a row that a door lets go has the door's event, none of the log's, and its key can be used again", async () => {
  const log = await captured("create table t (id int primary key, note text)");
  const { sql } = log;
  await log.attach("t", { retention: "PT1S" });
  await sql.unsafe("insert into t values (1, 'a'), (2, 'b'), (3, 'c')");
  await log.once();
  await sql`select pg_sleep(1.1)`;
  await sql`select audit_chain_erase('t', '2')`;
  await sql`select audit_chain_retire('t', '1 second', 1)`;
  await sql.unsafe("insert into t values (1, 'again')");
  await log.once();
  expect(await newestOf(log, "t")).toEqual(["t 1", "t 2", "t 3", "t:erase 2", "t:retire 1", "t:insert 1"]);
  // Left to the sealer, its event still comes before what the log has behind it.
  await sql`select pg_sleep(1.1)`;
  await sql.unsafe("alter table audit_chain_ticket disable trigger user");
  await sql`select audit_chain_retire('t', '1 second', 1, '(0,1)')`;
  await sql.unsafe("insert into t values (3, 'c')");
  expect((await sql`select from audit_chain_pending where op = 'retire'`).length).toBe(1);
  await log.once();
  await sql.unsafe("delete from audit_chain_ticket; alter table audit_chain_ticket enable trigger user");
  expect((await newestOf(log, "t")).slice(6)).toEqual(["t:retire 3", "t:insert 3"]);
  expect(said(log)).toEqual([]);
  // Whoever deletes a row past the guard has no door's event to hide behind, also not one of an earlier row.
  await sql.begin(async (tx) => tx.unsafe("set local session_replication_role = replica; delete from t where id = 3"));
  await log.once();
  expect((await newestOf(log, "t")).slice(8)).toEqual(["t:delete 3"]);
  expect(said(log)).toEqual([expect.stringMatching(/^change_refused t \d+$/u)]);
  await expectIntact(sql);
});

test("a change that meets another row than was recorded is said at once, in one batch and from one to the next", async () => {
  const log = await captured("create table c (id int primary key, n int, note text)");
  const { sql } = log;
  await log.attach("c", { changes: "track" });
  await sql.unsafe(
    "insert into c values (1, 0, 'a'), (2, 0, 'b'); update c set n = 1; update c set n = 2 where id = 1",
  );
  await log.once();
  await sql.unsafe("update c set n = 3; delete from c where id = 2; insert into c values (2, 0, 'b')");
  await log.once();
  expect(said(log)).toEqual([]);

  // What DDL does to rows decodes to nothing.
  await sql.unsafe("alter table c alter n type int using n + 100");
  await sql.unsafe("update c set note = 'x' where id = 1; update c set note = 'y' where id = 1");
  await log.once();
  const [{ seq } = { seq: "" }] = await sql<{ seq: string }[]>`
    select min(seq) as seq from audit_chain where event_kind = 'c:update' and before_hash not in (select payload_hash from audit_chain where event_kind like 'c%')`;
  expect(said(log)).toEqual([`change_unrecorded c ${seq}`]);
  expect(log.notices[0]?.message).toMatch(/not the one that was recorded last.*\(transaction \d+, \d{4}-/u);

  await sql.begin(async (tx) => tx.unsafe("set local session_replication_role = replica; truncate c"));
  await sql.unsafe("insert into c values (2, 7, 'z')");
  await log.once();
  expect(said(log).slice(1)).toEqual(["change_refused c", expect.stringMatching(/^change_unrecorded c \d+$/u)]);
});

test("nothing is said of a row whose shape has changed, before sync and until it is recorded in the new one", async () => {
  const log = await captured("create table d (id int primary key, n int, gone text)");
  const { sql } = log;
  await log.attach("d", { changes: "track" });
  await sql.unsafe("insert into d select n, n, 'x' from generate_series(1, 4) as n");
  await log.once();
  await sql.unsafe("alter table d alter n type numeric(10,2)");
  await sql.unsafe("update d set n = 5 where id = 1");
  await log.once();
  await sql.unsafe("alter table d drop gone");
  await sql.unsafe("update d set n = 5 where id = 2");
  const running = log.start();
  await sql`select audit_chain_sync('d')`;
  await sql.unsafe("update d set n = 6 where id = 3; update d set n = 7 where id = 3");
  await running.stop();
  await log.once();
  expect(said(log)).toEqual([]);
  // From its first event in the new shape on, a row is held against it again.
  await sql.unsafe("alter table d alter n type numeric(10,2) using n + 1; update d set n = 99 where id = 3");
  await log.once();
  expect(said(log)).toEqual([expect.stringMatching(/^change_unrecorded d \d+$/u)]);
});
