// Scenario: a migration gives an audited table another key. The next publication finds each row's events under its earlier
// key, and records it anew under the key that it has now (DESIGN "Shape"; cases 02 and 03).
import { describe, expect, test } from "vitest";
import type { Log } from "../log.ts";
import { found, look, migrate, orders, verdicts } from "./orders.ts";

const SECOND_COLUMN = `
  alter table public.orders add id2 bigint; update public.orders set id2 = 100 + id;
  alter table public.orders drop constraint orders_pkey, alter id2 set not null;
  alter table public.orders rename id to id_old; alter table public.orders rename id2 to id;
  alter table public.orders add primary key (id), alter id_old drop not null`;

const recorded = async ({ sql }: Log): Promise<string[]> =>
  (
    await sql<{ pk: string }[]>`
    select event_pk as pk from public.audit_chain where event_kind = 'orders:record' order by seq`
  ).map(({ pk }) => pk.replace(/@.*/u, ""));

/** Each is found, at the row; the report is clean before and after. */
async function expectFound(log: Log, policy: Awaited<ReturnType<typeof verdicts>>["policy"], kinds: readonly string[]) {
  const attacks = [
    ["update public.orders set item = 'forged' where id = :id", "source_edited"],
    ["delete from public.orders where id = :id", "source_deleted"],
  ] as const;
  for (const [i, id] of [103, 101].entries())
    for (const [sql, check] of attacks) {
      await log.sql.unsafe("create table public.kept as select * from public.orders");
      await log.attack(sql.replace(":id", String(id)));
      expect(found((await look(log, policy)).report)).toEqual([`${check} ${kinds[i] ?? ""} ${id}`]);
      await log.attack(
        "truncate public.orders; insert into public.orders select * from public.kept; drop table public.kept",
      );
    }
  await log.attack("insert into public.orders (id, item) values (99, 'forged')");
  expect(found((await look(log, policy)).report)).toEqual(["source_unchained orders 99"]);
  await log.attack("delete from public.orders where id = 99");
  expect((await look(log, policy)).report).toMatchObject({ status: "intact", unproven: [] });
}

describe("an integer key is replaced by another column", () => {
  test("sync takes the table's new primary key, and every row is recorded anew under it", async () => {
    const log = await orders();
    await migrate(log, SECOND_COLUMN);
    const { report } = await look(log);
    expect(found(report)).toEqual(["coverage_narrowed orders"]);
    await log.sql.unsafe("insert into public.orders (id, item) values (1, 'the first one''s old key'), (110, 'new')");
    const published = await log.publish();
    expect(published.warnings.filter((warning) => !warning.includes("fsync"))).toEqual([]);
    expect(await recorded(log)).toEqual(["101", "102", "103", "104"]);
    const { before, after, policy, report: full } = await verdicts(log);
    expect([before.toSorted(), after]).toEqual([["coverage_narrowed orders", "coverage_narrowed orders"], "intact"]);
    expect(full.unproven).toEqual([]);
    await expectFound(log, policy, ["orders:record", "orders:record"]);
  }, 120_000);

  test("rows that the application changes and deletes before they are recorded", async () => {
    const log = await orders();
    await migrate(log, SECOND_COLUMN);
    await log.sql.unsafe("update public.orders set item = 'changed' where id = 101");
    await log.sql.unsafe(
      "update public.orders set id_old = null where id = 102; delete from public.orders where id = 104",
    );
    await log.publish();
    expect(await recorded(log)).toEqual(["103"]);
    const { after, policy, report } = await verdicts(log);
    expect([after, report.unproven]).toEqual(["intact", []]);
    await expectFound(log, policy, ["orders:record", "orders:update"]);
  }, 120_000);

  test("a row that was deleted past the triggers is missed, beside one that was deleted lawfully", async () => {
    const log = await orders();
    await migrate(log, SECOND_COLUMN);
    await log.sql.unsafe("delete from public.orders where id = 104");
    await log.attack("delete from public.orders where id = 101");
    await log.publish();
    expect(await recorded(log)).toEqual([]);
    expect(found((await look(log)).report).filter((one) => !one.startsWith("coverage"))).toEqual([
      "source_deleted orders 1",
      "source_deleted orders:update 4",
    ]);
  });

  test("a row that was inserted past the triggers and changed through the front door", async () => {
    const log = await orders();
    await migrate(log, SECOND_COLUMN);
    await log.attack("insert into public.orders (id, item) values (55, 'forged')");
    await log.sql.unsafe("update public.orders set item = 'laundered' where id = 55");
    await log.publish();
    expect(await recorded(log)).toEqual([]);
    expect(found((await look(log)).report)).toContain("change_unrecorded orders:update 55");
  });
});

describe.each(["refuse", "track"] as const)("a table whose changes are to be: %s", (changes) => {
  const CODE = "alter table public.orders add code text not null default 'c'";
  const BY_CODE =
    "alter table public.orders drop constraint orders_pkey; alter table public.orders add primary key (item)";

  test("another column that was there becomes the key: rows are compared", async () => {
    const log = await orders(changes);
    await migrate(log, BY_CODE);
    expect((await look(log)).report).toMatchObject({ unproven: [] });
    await log.publish();
    expect(await recorded(log)).toEqual(changes === "track" ? ["lamp", "x", "y", "zz"] : ["lamp", "x", "y", "z"]);
    const { before, after, report } = await verdicts(log);
    expect([before, after]).toEqual([["coverage_narrowed orders"], "intact"]);
    expect(report.recordedAnew).toEqual([{ kind: "orders", compared: 4, notCompared: 0 }]);
  });

  test.each([
    ["edited", "update public.orders set note = 'forged' where id = 1", "source_edited orders 1"],
    ["deleted", "delete from public.orders where id = 1", "source_deleted orders 1"],
    ["inserted", "insert into public.orders values (9, 'forged')", "source_unchained orders forged"],
  ])("a row is %s past the triggers, before the migration and after it", async (_, attack, finding) => {
    for (const isBefore of [true, false]) {
      const log = await orders(changes);
      if (isBefore) await log.attack(attack);
      await migrate(log, BY_CODE);
      if (!isBefore) await log.attack(attack);
      expect(found((await look(log)).report)).toContain(finding);
      await log.publish();
      expect(await recorded(log)).toEqual([]);
      expect(found((await look(log)).report)).toContain(finding);
    }
  });

  test("the key column is dropped with the key: rows are counted", async () => {
    const log = await orders(changes);
    await migrate(log, `${CODE}; alter table public.orders drop id; alter table public.orders add primary key (item)`);
    await log.attack("delete from public.orders where item = 'x'");
    await log.publish();
    expect(await recorded(log)).toEqual([]);
    expect(found((await look(log)).report)).toContain("source_deleted orders");
    await log.attack("insert into public.orders (item, note) values ('x', 'n')");
    await log.publish();
    expect(await recorded(log)).toHaveLength(4);
    const { after, report, policy } = await verdicts(log);
    expect([after, report.recordedAnew]).toEqual(["intact", [{ kind: "orders", compared: 0, notCompared: 4 }]]);
    await log.attack("update public.orders set note = 'forged' where item = 'x'");
    expect(found((await look(log, policy)).report)).toEqual(["source_edited orders:record x"]);
  });
});

test("the text of a key changes with its type", async () => {
  const log = await orders();
  await log.sql.unsafe("create table public.reading (device int, at timestamp, v int, primary key (device, at))");
  await log.sql`select public.audit_chain_attach('public.reading', 'sealed', 'track')`;
  await log.sql.unsafe("insert into public.reading values (1, '2026-01-01', 1), (2, '2026-01-02', 2)");
  await log.publish();
  await log.sql.unsafe("alter table public.reading alter at type timestamptz using at at time zone 'UTC'");
  const { report: before } = await look(log);
  expect([before.status, found(before)]).toEqual(["unproven", []]);
  await log.sql`select public.audit_chain_sync('public.reading')`;
  await log.publish();
  const { after, report, policy } = await verdicts(log);
  expect([after, report.unproven]).toEqual(["intact", []]);
  await log.attack("update public.reading set v = 9 where device = 1");
  expect(found((await look(log, policy)).report).join()).toMatch(
    /^source_edited reading:record \["1","2026-01-01 00:00:00\+00"\]$/u,
  );
});

describe("a table is converted into a partitioned one", () => {
  const CONVERT = `
    alter table public.orders rename to orders_old; alter table public.orders_old drop constraint orders_pkey;
    create table public.orders (id bigint not null, item text not null, note text, primary key (id, item)) partition by range (id);
    alter table public.orders attach partition public.orders_old for values from (minvalue) to (100);
    create table public.orders_new partition of public.orders for values from (100) to (maxvalue)`;

  test.each(["refuse", "track"] as const)(
    "in one transaction with sync: %s",
    async (changes) => {
      const log = await orders(changes);
      await migrate(log, CONVERT);
      await log.sql.unsafe("insert into public.orders values (5, 'five'), (500, 'more')");
      const { report } = await look(log);
      expect([found(report), report.unproven]).toEqual([["coverage_narrowed orders"], []]);
      await log.publish();
      expect(await recorded(log)).toHaveLength(4);
      const { after, policy, report: full } = await verdicts(log);
      expect([after, full.unproven]).toEqual(["intact", []]);
      await log.attack("update public.orders set note = 'forged' where id in (1, 500)");
      expect(found((await look(log, policy)).report)).toEqual([
        'source_edited orders ["500","more"]',
        'source_edited orders:record ["1","lamp"]',
      ]);
      await log.attack(
        "update public.orders set note = null where id in (1, 500); insert into public.orders values (600, 'forged')",
      );
      expect(found((await look(log, policy)).report)).toEqual(['source_unchained orders ["600","forged"]']);
    },
    120_000,
  );
});
