// Scenario: an application's migrations change audited tables, and audit_chain_sync takes that in (DESIGN "Shape",
// THREATS B13, B14, B18, and B12 across a migration).
import type { VerifierState } from "@scidex/audit-reader";
import { attach } from "@scidex/audit-schema";
import { drizzle } from "drizzle-orm/postgres-js";
import { describe, expect, test } from "vitest";
import { parsePolicy } from "../../src/coverage/policy.ts";
import { describeReport } from "../../src/report/describe-report.ts";
import type { VerificationReport } from "../../src/report/verification-report.ts";
import { verify } from "../../src/verify.ts";
import { type ChainDatabase, openChain } from "../chain-database.ts";

const MODES = ["refuse", "track"] as const;

/** An audited table with three rows, published. */
async function orders(changes: "refuse" | "track" = "track"): Promise<ChainDatabase> {
  const chain = await openChain();
  await chain.sql.unsafe("create table public.orders (id bigint primary key, item text not null, note text)");
  await attach(drizzle(chain.sql), "public.orders", { changes, mode: "sealed" });
  await chain.sql.unsafe("insert into public.orders values (1, 'lamp', null), (2, 'x', 'n'), (3, 'y', null)");
  await seal(chain);
  return chain;
}

async function seal(chain: ChainDatabase): Promise<void> {
  await chain.sql`select public.audit_chain_seal(1000)`;
  await chain.publish();
}

const migrate = async (chain: ChainDatabase, ddl: string) =>
  await chain.sql.begin(async (tx) => await tx.unsafe(`${ddl}; select public.audit_chain_sync('public.orders')`));

const found = ({ divergences }: VerificationReport) =>
  divergences.map(
    ({ check, eventKind, eventPk }) => `${check} ${eventKind ?? ""} ${eventPk?.replace(/@.*/u, "") ?? ""}`,
  );

const intact = async (chain: ChainDatabase) => {
  for (const plain of [false, true]) {
    const { status, divergences, unproven } = await chain.verify({ plain });
    expect({ plain, status, divergences, unproven }).toEqual({
      plain,
      status: "intact",
      divergences: [],
      unproven: [],
    });
  }
};

describe.each(MODES)("columns that join a table whose changes are to be: %s", (changes) => {
  test("are covered in older rows too, with and without a default: an edit there is found", async () => {
    const chain = await orders(changes);
    await migrate(chain, "alter table public.orders add qty int not null default 5, add who text");
    await chain.sql.unsafe("insert into public.orders (id, item, qty) values (4, 'z', 5), (5, 'z', 6)");
    await seal(chain);
    await intact(chain);
    for (const [attack, pk] of [
      ["update public.orders set qty = 500 where id = 2", "2"],
      ["update public.orders set who = 'someone' where id = 3", "3"],
      ["update public.orders set qty = 6 where id = 4", "4"],
      ["update public.orders set qty = 5 where id = 5", "5"],
    ] as const) {
      const [before] = await chain.sql`select * from public.orders where id = ${pk}`;
      await chain.attack(attack);
      expect(found(await chain.verify())).toEqual([`source_edited orders ${pk}`]);
      await chain.attack(`delete from public.orders where id = ${pk}`);
      await chain.attack(
        `insert into public.orders select * from json_populate_record(null::public.orders, '${JSON.stringify(before)}')`,
      );
    }
    await intact(chain);
    await chain.attack(
      "update public.orders set qty = null where id = 1".replace(
        "update",
        "alter table public.orders alter qty drop not null; update",
      ),
    );
    expect(found(await chain.verify())).toEqual(["source_edited orders 1"]);
  });

  test("stand beside the verdict until they are taken in, and for longer than the policy allows nothing is proven", async () => {
    const chain = await orders(changes);
    await chain.sql.unsafe(
      "alter table public.orders add qty int default 5, add twice bigint generated always as (id * 2) stored",
    );
    const trust = chain.asked;
    const start = Date.now();
    const at = async (hours: number, state: VerifierState | undefined, joining = "PT4H") => {
      const policy = parsePolicy(
        JSON.stringify({ tables: { "public.orders": { kind: "orders", key: ["id"], exclude: [], changes, joining } } }),
      );
      const { heads, keys, origin, checks } = trust;
      const now = start + hours * 3_600_000;
      return await verify(chain.sql, { heads, keys, origin, policy, state }, { checks, now, maxHeadAgeMs: 1e9 });
    };
    const first = await at(0, undefined);
    expect(first.report).toMatchObject({
      status: "intact",
      notCovered: [{ relation: "public.orders", column: "qty", since: new Date(start).toISOString() }],
    });
    expect(describeReport(first.report)).toMatch(/^INTACT; orders\.qty not covered yet, 0 min: 4 links/u);
    const later = await at(3, first.state);
    expect(later.report).toMatchObject({ status: "intact", notCovered: first.report.notCovered });
    const late = await at(5, later.state);
    expect(late.report).toMatchObject({ status: "unproven", checks: { sources: "unproven" } });
    expect(late.report.unproven.join()).toContain(
      "public.orders: qty has not been covered for longer than PT4H; run audit-chain sync",
    );
    // A state from a clock that was ahead does not put it off, nor does a policy without a bound.
    expect((await at(3, late.state)).report.status).toBe("intact");
    expect((await at(30, first.state, "P7D")).report.status).toBe("intact");
    await chain.sql`select public.audit_chain_sync('public.orders')`;
    await chain.publish();
    const taken = await at(6, late.state);
    expect(taken.report).toMatchObject({ status: "intact", notCovered: [], unproven: [] });
    expect(taken.state.joining).toEqual(new Map());
  });

  test("with values that rows got before sync, are not proven, and no row is accused but one that was edited", async () => {
    const chain = await orders(changes);
    await chain.sql.unsafe("alter table public.orders add qty int default 5");
    await chain.sql.unsafe("insert into public.orders (id, item, qty) values (4, 'z', 9), (5, 'w', 5)");
    await chain.sql`select public.audit_chain_sync('public.orders')`;
    await seal(chain);
    const report = await chain.verify();
    expect(report).toMatchObject({ status: "unproven", divergences: [] });
    expect(report.unproven.join()).toContain("public.orders: 1 rows have values in columns that joined after them");
    await chain.attack(
      "update public.orders set item = 'q' where id = 4; update public.orders set item = 'q' where id = 1",
    );
    expect(found(await chain.verify()).toSorted()).toEqual(["source_edited orders 1", "source_edited orders 4"]);
  });
});

test("an honest change of an older row follows from what was recorded, and launders nothing (B12 across a migration)", async () => {
  const chain = await orders();
  await migrate(chain, "alter table public.orders add qty int not null default 5, add who text");
  await chain.sql.unsafe("update public.orders set note = 'honest' where id = 1");
  await seal(chain);
  await intact(chain);
  await chain.attack(
    "update public.orders set qty = 500 where id = 2; update public.orders set who = 'x' where id = 3",
  );
  await chain.sql.unsafe("update public.orders set note = 'again' where id in (2, 3)");
  await seal(chain);
  expect(found(await chain.verify())).toEqual([
    "change_unrecorded orders:update 2",
    "change_unrecorded orders:update 3",
  ]);
});

describe.each(MODES)("a renamed column of a table whose changes are to be: %s", (changes) => {
  const renamed = ["coverage_narrowed orders "];

  test("has one reading: a NULL that was recorded under the old name stays one (B13)", async () => {
    const chain = await orders(changes);
    await chain.sql.unsafe("alter table public.orders rename note to remark");
    await chain.sql.unsafe("insert into public.orders values (4, 'between', 'kept'), (5, 'between', null)");
    await chain.sql`select public.audit_chain_sync('public.orders')`;
    await chain.sql.unsafe("insert into public.orders values (6, 'after', 'all')");
    await seal(chain);
    const report = await chain.verify();
    expect(found(report)).toEqual(renamed);
    expect(report.divergences[0]?.message).toContain("public.orders: note is now called remark");
    await chain.attack("update public.orders set remark = 'approved by the senate' where id in (1, 4, 5)");
    expect(found(await chain.verify()).toSorted()).toEqual([
      ...renamed,
      "source_edited orders 1",
      "source_edited orders 4",
      "source_edited orders 5",
    ]);
  });

  test("that another one follows under its name does not pass its rows on", async () => {
    const chain = await orders(changes);
    await migrate(
      chain,
      "alter table public.orders rename note to remark; alter table public.orders add note text default 'none'",
    );
    await chain.sql.unsafe("insert into public.orders values (4, 'after', 'all', 'n')");
    await seal(chain);
    expect(found(await chain.verify())).toEqual(renamed);
    await chain.attack("update public.orders set note = 'n' where id = 2");
    expect(found(await chain.verify()).toSorted()).toEqual([...renamed, "source_edited orders 2"]);
  });

  test("and its neighbour, swapped by three renames, fit every row and are said in words (B18)", async () => {
    const chain = await orders(changes);
    await migrate(
      chain,
      "alter table public.orders rename item to a; alter table public.orders rename note to item; alter table public.orders rename a to note",
    );
    await seal(chain);
    const { divergences } = await chain.verify();
    expect(divergences.map(({ message }) => message)).toEqual([
      expect.stringMatching(/item is now called note.*note is now called item/u),
    ]);
  });
});

describe("a column that was dropped", () => {
  test("is said, and rows that had a value in it are not proven", async () => {
    const chain = await orders();
    await migrate(chain, "alter table public.orders drop note");
    await seal(chain);
    const report = await chain.verify();
    expect(found(report)).toEqual(["coverage_narrowed orders "]);
    expect(report.divergences[0]?.message).toContain("note was dropped or left out");
    expect(report.unproven.join()).toContain(
      "1 rows cannot be recomputed since the schema was changed (note was dropped)",
    );
  });

  test("and made again under its name is another one: what was recorded cannot be put into it", async () => {
    const chain = await orders();
    await migrate(chain, "alter table public.orders drop note; alter table public.orders add note text");
    await chain.attack("update public.orders set note = 'n' where id = 2");
    await seal(chain);
    const report = await chain.verify();
    expect(found(report)).toEqual(["coverage_narrowed orders "]);
    expect(report.unproven.join()).toContain("1 rows cannot be recomputed");
  });
});

test("a configuration that says something else of older rows than was decided when the column joined is found", async () => {
  const chain = await orders();
  await chain.sql.unsafe(`insert into public.audit_chain_config
    select (select max(id) + 1 from public.audit_chain_config), clock_timestamp(), actor, action, kind, relation, key_columns, columns, members, '{"note": "approved"}',
           column_types, excluded, renamed, changes, mode, fallback, complete, record_anew, salt, blind_key, present from public.audit_chain_config where kind = 'orders'`);
  await chain.attack("update public.orders set note = 'approved' where id = 1");
  await seal(chain);
  expect(found(await chain.verify())).toContain("coverage_narrowed orders ");
});

describe("a column that got another type", () => {
  /** With three rows of these values, published. */
  const typed = async (type: string, values: readonly string[]): Promise<ChainDatabase> => {
    const chain = await openChain();
    await chain.sql.unsafe(
      `create type public.st as enum ('a', 'b', 'c'); create table public.orders (id int primary key, v ${type})`,
    );
    await attach(drizzle(chain.sql), "public.orders", { mode: "sealed" });
    for (const [i, value] of values.entries())
      await chain.sql.unsafe(`insert into public.orders values (${i + 1}, ${value})`);
    await seal(chain);
    return chain;
  };

  test.each([
    ["numeric(10,2)", ["1.5", "'NaN'", "-0.01"], "numeric(14,4)", "1.5001"],
    ["integer", ["1", "-2147483648", "0"], "bigint", "2"],
    ["char(5)", ["'ab'", "''", "'abcde'"], "text", "'ab   '"],
    ["date", ["'2026-01-01'", "'infinity'", "'0044-03-15 BC'"], "timestamp", "'2026-01-01 00:00:01'"],
    ["public.st", ["'a'", "'b'", "'c'"], "text", "'d'"],
  ])("from %s holding %j to %s stays comparable, and an edit is found", async (before, values, now, edited) => {
    const chain = await typed(before, values);
    await migrate(chain, `alter table public.orders alter v type ${now}`);
    await chain.sql.unsafe(`insert into public.orders values (4, ${edited})`);
    await seal(chain);
    await intact(chain);
    await chain.attack(`update public.orders set v = ${edited} where id = 1`);
    expect(found(await chain.verify())).toEqual(["source_edited orders 1"]);
  });

  test("whose labels were renamed is said in words, and compared all the same; a swap fits, and is said too (B18)", async () => {
    const chain = await typed("public.st", ["'a'", "'b'", "'c'"]);
    await migrate(chain, "alter type public.st rename value 'b' to 'bb'");
    await seal(chain);
    const report = await chain.verify();
    expect(found(report)).toEqual(["coverage_narrowed orders "]);
    expect(report).toMatchObject({ unproven: [] });
    expect(report.divergences[0]?.message).toContain('v: the label "b" is now called "bb"');
    await migrate(
      chain,
      "alter type public.st rename value 'a' to 'x'; alter type public.st rename value 'c' to 'a'; alter type public.st rename value 'x' to 'c'",
    );
    await seal(chain);
    // Swapped, or made anew in another order: that cannot be told.
    const swapped = await chain.verify();
    expect(swapped.divergences.map(({ message }) => message).join()).toContain('the label "a" is now called "c"');
    expect(found(swapped)).toEqual(["coverage_narrowed orders ", "coverage_narrowed orders "]);
    expect(swapped.unproven.join()).toContain("3 rows cannot be recomputed");
  });

  test("and whose values were all put back to their old texts is found, by sums too", async () => {
    const chain = await typed("boolean", ["true", "false", "true"]);
    await migrate(chain, "alter table public.orders alter v type text");
    await seal(chain);
    await intact(chain);
    await chain.attack("update public.orders set v = left(v, 1)");
    expect(found(await chain.verify())).toEqual([
      "source_edited orders 1",
      "source_edited orders 2",
      "source_edited orders 3",
    ]);
  });

  test("that an event's hash of nothing but zeros was staged for, fits no row", async () => {
    const chain = await openChain();
    await chain.sql.unsafe("create table public.orders (id int primary key, v int, w text)");
    await attach(drizzle(chain.sql), "public.orders", { mode: "sealed", changes: "track" });
    await chain.sql.unsafe("insert into public.orders values (1, 5, 'w')");
    await seal(chain);
    await chain.sql
      .unsafe(`insert into public.audit_chain_pending (mode, op, event_kind, event_pk, payload_hash, before_hash)
      select 'sealed', 'update', 'orders', '1', decode(repeat('00', 32), 'hex'), payload_hash from public.audit_chain where event_kind = 'orders'`);
    await migrate(chain, "alter table public.orders alter v type bigint");
    await chain.attack("update public.orders set v = 5000000000, w = 'anything'");
    await seal(chain);
    expect(found(await chain.verify())).toEqual(["source_edited orders:update 1"]);
  });

  test("and is the key's, of which the old text cannot be told: nobody is accused", async () => {
    const chain = await openChain();
    await chain.sql.unsafe("create table public.orders (id int, at timestamp, primary key (id, at))");
    await attach(drizzle(chain.sql), "public.orders", { mode: "sealed" });
    await chain.sql.unsafe("insert into public.orders values (1, '2026-01-01')");
    await seal(chain);
    await migrate(chain, "alter table public.orders alter at type timestamptz using at at time zone 'UTC'");
    await seal(chain);
    const report = await chain.verify();
    expect(found(report).filter((one) => !one.startsWith("coverage_narrowed"))).toEqual([]);
    expect(report.unproven.join()).toContain("what its key was before cannot be told");
  });

  test("with loss is said, and its rows are not proven", async () => {
    const chain = await typed("text", ["'1'", "'02'", "null"]);
    await migrate(chain, "alter table public.orders alter v type integer using v::integer");
    await seal(chain);
    const report = await chain.verify();
    expect(found(report)).toEqual(["coverage_narrowed orders "]);
    expect(report.divergences[0]?.message).toContain("v: text is now integer");
    expect(report.unproven.join()).toContain("1 rows cannot be recomputed since the schema was changed");
  });
});

describe("a table that was", () => {
  test("renamed and moved is followed, and said", async () => {
    const chain = await orders();
    await chain.sql.unsafe(
      "create schema hr; alter table public.orders rename to staff; alter table public.staff set schema hr",
    );
    expect((await chain.verify()).divergences).toMatchObject([
      { check: "source_missing", message: expect.stringContaining("run audit-chain sync") as string },
    ]);
    await chain.sql`select public.audit_chain_sync('hr.staff')`;
    await seal(chain);
    const moved = await chain.verify();
    expect(moved.divergences.map(({ message }) => message)).toEqual([
      "the kind orders was moved from public.orders to hr.staff",
    ]);
    await chain.attack("update hr.staff set item = 'q' where id = 1");
    expect(found(await chain.verify())).toContain("source_edited orders 1");
  });

  test.each(MODES)("dropped is said once, and no row of it is accused; changes: %s", async (changes) => {
    const chain = await orders(changes);
    await chain.sql.unsafe("drop table public.orders; select public.audit_chain_dropped('orders')");
    await seal(chain);
    const report = await chain.verify();
    expect(report.divergences.map(({ check, message }) => `${check}: ${message}`)).toEqual([
      "coverage_narrowed: public.orders was dropped: its rows cannot be checked any more",
    ]);
    expect(report.unproven).toEqual([]);
    // Said to be dropped, and put back behind everybody's back.
    await chain.sql.unsafe("create table public.orders (id bigint primary key, item text)");
    expect((await chain.verify()).divergences.map(({ check }) => check).toSorted()).toEqual([
      "coverage_narrowed",
      "source_missing",
    ]);
    // Audited again it is another table, with a kind of its own: the same keys are free.
    const [again] = await chain.sql`select public.audit_chain_attach('public.orders') ->> 'kind' as kind`;
    expect(again).toEqual({ kind: "orders#2" });
    await chain.sql.unsafe("insert into public.orders values (1, 'new')");
    await seal(chain);
    expect(found(await chain.verify())).toEqual(["coverage_narrowed orders "]);
    await chain.attack("delete from public.orders");
    expect(found(await chain.verify())).toContain("source_deleted orders#2 1");
  });
});
