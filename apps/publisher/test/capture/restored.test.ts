/** Rows that were put back, where the write-ahead log is captured: it brings what the door has recorded already. */
import { verify } from "@scidex/audit-verifier";
import { expect, test } from "vitest";
import { expectIntact } from "../../../../packages/schema/test/recompute.ts";
import { type Captured, captured } from "./capturing.ts";

const eventsOf = async ({ sql }: Captured, kind: string) =>
  (
    await sql<{ text: string }[]>`
      select concat(event_kind, ' ', split_part(event_pk, '@', 1)) as text from audit_chain
       where split_part(event_kind, ':', 1) = ${kind} order by seq`
  ).map(({ text }) => text);

const said = ({ notices }: Captured) => notices.map(({ check, eventKind }) => `${check} ${eventKind}`);

const restore = async ({ sql }: Captured, table: string, row: { readonly id: number }) =>
  await sql`select audit_chain_restore(${table}::text::regclass, ${String(row.id)}, ${JSON.stringify(row)}::text::json)`;

const past = async ({ sql }: Captured, statement: string) =>
  await sql.begin(async (tx) => await tx.unsafe(`set local session_replication_role = replica; ${statement}`));

test("a row of a table that refuses changes: what was done past the guard stays said, what puts it back is none of it", async () => {
  const log = await captured("create table t (id int primary key, note text)");
  const { sql } = log;
  await log.attach("t");
  await sql`insert into t values (1, 'a'), (2, 'b'), (3, 'c')`;
  await log.once();
  const running = log.start();
  await past(log, "update t set note = 'x' where id = 1; delete from t where id = 2");
  // The door waits until that is linked.
  await restore(log, "t", { id: 1, note: "a" } as { id: number });
  await restore(log, "t", { id: 2, note: "b" } as { id: number });
  await sql`insert into t values (4, 'd')`;
  await expect.poll(async () => (await eventsOf(log, "t")).at(-1)).toBe("t 4");
  await running.stop();
  expect(await eventsOf(log, "t")).toEqual([
    "t 1",
    "t 2",
    "t 3",
    "t:update 1",
    "t:delete 2",
    "t:restore 1",
    "t:restore 2",
    "t 4",
  ]);
  expect(said(log)).toEqual(["change_refused t", "change_refused t"]);
  await past(log, "update t set note = 'x' where id = 1");
  await past(log, "update t set note = 'a' where id = 1");
  await log.once();
  expect((await eventsOf(log, "t")).slice(8)).toEqual(["t:update 1", "t:update 1"]);
  const { report } = await verify(sql, { origin: "o", keys: [], heads: [] }, { checks: ["links", "sources"] });
  expect(report.divergences.map(({ check, eventKind }) => `${check} ${eventKind}`)).toEqual([
    "change_refused t:update",
    "change_refused t:delete",
    "change_refused t:update",
    "change_refused t:update",
  ]);
  await expectIntact(sql);
});

test("a tracked row that was changed by what the log does not show", async () => {
  const log = await captured("create table c (id int primary key, n int, note text)");
  const { sql } = log;
  await log.attach("c", { changes: "track" });
  await sql`insert into c values (1, 0, 'a'), (2, 0, 'b')`;
  await log.once();
  // DDL decodes to nothing.
  await sql.unsafe("alter table c alter n type int using n + id");
  const running = log.start();
  await restore(log, "c", { id: 1, n: 0, note: "a" } as { id: number });
  await sql`update c set note = 'honest' where id = 1`;
  await restore(log, "c", { id: 2, n: 0, note: "b" } as { id: number });
  await sql`insert into c values (3, 0, 'c')`;
  await expect.poll(async () => (await eventsOf(log, "c")).at(-1)).toBe("c 3");
  await running.stop();
  expect(await eventsOf(log, "c")).toEqual(["c 1", "c 2", "c:restore 1", "c:update 1", "c:restore 2", "c 3"]);
  expect(said(log)).toEqual([]);
  await expectIntact(sql);
});
