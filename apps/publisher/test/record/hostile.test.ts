// Scenario: what attackers, other migrations and plain bad luck do while rows are recorded anew, and after.
import { readFileSync } from "node:fs";
import postgres, { type Sql } from "postgres";
import { expect, onTestFinished, test } from "vitest";
import type { Log } from "../log.ts";
import { found, look, migrate, orders, verdicts } from "./orders.ts";

const hashOf = (json: string) => `sha256(convert_to('${json}', 'UTF8'))`;
const OLD = "(select payload_hash from public.audit_chain where event_kind = 'orders' and event_pk = '2')";

/** The configuration in force once more, written past attach, which asks for rows to be recorded anew. */
const plant = (id: string) => `insert into public.audit_chain_config
  select (jsonb_populate_record(c, jsonb_build_object('id', ${id}, 'record_anew', true, 'recorded_at', clock_timestamp()))).*
    from public.audit_chain_config as c where kind = 'orders' order by id desc limit 1`;

/** Publishes; `work` runs when all has been sealed, before rows are looked at. */
async function publishAround(log: Log, work: (sql: Sql) => Promise<unknown>): Promise<void> {
  const [holder, other] = [1, 2].map(() => postgres(log.url, { max: 1, fetch_types: false, onnotice: () => {} }));
  if (holder === undefined || other === undefined) throw new Error("no clients");
  onTestFinished(async () => void (await Promise.all([holder.end({ timeout: 1 }), other.end({ timeout: 1 })])));
  await holder.unsafe("begin; lock table public.audit_chain_config in access exclusive mode");
  const publishing = log.publish();
  const isWaiting = async () =>
    (await other`select from pg_locks where not granted and relation = 'public.audit_chain_config'::regclass`).length >
    0;
  while (!(await isWaiting())) await new Promise((done) => setTimeout(done, 20));
  await work(other);
  await holder.unsafe("rollback");
  await publishing;
}

test("a forged record behind a forged change that waits to be linked is counted, and its configuration is found", async () => {
  const log = await orders();
  await log.sql.unsafe(plant("c.id + 1"));
  const forged = hashOf('{"id":"2","item":"forged","note":"n"}');
  await log.attack(`update public.orders set item = 'forged' where id = 2;
    select public.audit_chain_record('orders', array['2'], array[${forged}], array[${OLD}], 1000)`);
  await publishAround(log, async (sql) =>
    sql.unsafe(`set session_replication_role = replica; insert into public.audit_chain_pending
      (xid, event_kind, event_pk, payload_hash, before_hash, op, mode, staged_at)
      values (pg_current_xact_id(), 'orders', '2', ${forged}, ${forged}, 'update', 'sealed', clock_timestamp())`),
  );
  await log.attack("delete from public.audit_chain_pending");
  const { report } = await look(log);
  expect(found(report)).toContain("source_edited orders 2");
  expect(report.divergences.map(({ message }) => message).join()).toContain("somebody wrote that past attach");
});

test("a row that was recorded as found, and changed before it was stated, is counted", async () => {
  const log = await orders();
  await migrate(log, "alter table public.orders drop note");
  await log.attack("update public.orders set item = 'forged' where id = 2");
  // What a publisher that was killed leaves.
  await log.sql.unsafe(`select public.audit_chain_record('orders', array['2'],
    array[${hashOf('{"id":"2","item":"forged"}')}], array[${OLD}], 1000)`);
  await publishAround(log, async (sql) => sql`update public.orders set item = 'seen' where id = 2`);
  await log.publish();
  const { report } = await look(log);
  const said = report.divergences.map(({ message }) => message).join();
  expect(said).toMatch(/1 row was recorded anew as found, and 1 change stand/u);
  expect(report.unproven).toEqual([]);
});

test("two migrations during one publication accuse nobody", async () => {
  const log = await orders();
  await log.sql.unsafe("alter table public.orders add memo text; select public.audit_chain_sync('public.orders')");
  await migrate(log, "alter table public.orders drop note");
  const publishing = log.publish();
  const isRecorded = async () =>
    (await log.sql`select from public.audit_chain where event_kind = 'orders:record'`).length > 0;
  while (!(await isRecorded())) await new Promise((done) => setTimeout(done, 5));
  await migrate(log, "alter table public.orders drop memo");
  await publishing;
  await log.publish();
  expect(await verdicts(log)).toMatchObject({ unproven: [], after: "intact", found: [] });
});

test("a change that nobody has taken in yet accuses no row that has been stated", async () => {
  const log = await orders();
  await migrate(log, "alter table public.orders drop note");
  await log.publish();
  const { policy } = await verdicts(log);
  await log.sql.unsafe("alter table public.orders alter item type varchar(3) using 'abc'");
  const { report } = await look(log, policy);
  expect(found(report)).toEqual([]);
  expect(report.unproven.join()).toContain("cannot be recomputed");
});

test("a column that joins late does not open again what has been stated of another one", async () => {
  const log = await orders();
  await log.sql.unsafe(
    "alter table public.orders add qty int not null default 5; update public.orders set qty = 7 where id = 3",
  );
  await log.sql`select public.audit_chain_sync('public.orders')`;
  await log.publish();
  await log.attack("update public.orders set qty = 99 where id = 1");
  await log.sql.unsafe("alter table public.orders add x int; update public.orders set x = 1 where id = 3");
  await log.sql`select public.audit_chain_sync('public.orders')`;
  await log.publish();
  expect(found((await look(log)).report)).toContain("source_edited orders 1");
});

test.each([
  ["widened", "numeric(10, 4)", 0],
  ["cut", "numeric(10, 1) using 5.5", 4],
])("a column that joined with a default is %s", async (_, type, notCompared) => {
  const log = await orders("refuse");
  await migrate(log, "alter table public.orders add qty numeric(9, 3) not null default 5");
  await log.publish();
  await migrate(log, `alter table public.orders alter qty type ${type}`);
  await log.publish();
  const { report, after } = await verdicts(log);
  expect(report.divergences.map(({ check }) => check).filter((check) => check !== "coverage_narrowed")).toEqual([]);
  expect(report.unproven).toEqual([]);
  expect(after).toBe("intact");
  expect(report.recordedAnew).toMatchObject([{ notCompared }]);
});

test("a column that was dropped is made again under its name", async () => {
  const log = await orders();
  await migrate(log, "alter table public.orders drop note");
  await log.publish();
  await migrate(log, "alter table public.orders add note text");
  await log.publish();
  const { report, after } = await verdicts(log);
  expect([report.unproven, after]).toEqual([[], "intact"]);
});

test("a row of the configuration with an id of any size does not spoil the publisher's memory", async () => {
  const log = await orders();
  await log.sql.unsafe(plant("9007199254740993"));
  await log.publish();
  expect(JSON.parse(readFileSync(log.stateFile, "utf8"))).toHaveProperty("settled");
  expect((await log.publish()).status).toBe("intact");
});

test("a row that was set aside does not keep the others from being recorded", async () => {
  const log = await orders();
  await migrate(log, "alter table public.orders drop note");
  await log.attack(`insert into public.audit_chain_pending (xid, event_kind, event_pk, payload_hash, op, mode, staged_at, conflict)
    values (pg_current_xact_id(), 'orders', '2', sha256('x'), 'update', 'sealed', clock_timestamp(), 'set aside')`);
  await log.publish();
  expect((await look(log)).report.recordedAnew).toEqual([{ kind: "orders", compared: 0, notCompared: 2 }]);
});

test("a configuration that cannot be read settles nothing", async () => {
  const log = await orders();
  await migrate(log, "alter table public.orders drop note");
  await log.attack("alter table public.audit_chain_config rename column present to gone");
  const { warnings } = await log.publish();
  expect(warnings.join()).toMatch(/rows could not be recorded anew|no rows were recorded anew/u);
  await log.attack("alter table public.audit_chain_config rename column gone to present");
  await log.publish();
  expect((await look(log)).report.recordedAnew).toHaveLength(1);
});
