// Scenario: a migration changes what older rows were recorded with. The next publication compares them, records them anew
// and signs a statement; the auditor approves what could not be compared (DESIGN "Shape", THREATS B13, B14, B19, C21).
import { readFileSync, writeFileSync } from "node:fs";
import { parsePolicy, stateDigest } from "@scidex/audit-verifier";
import { describe, expect, test } from "vitest";
import { linesOf, type Log, recompute } from "../log.ts";
import { found, look, migrate, orders, verdicts } from "./orders.ts";

const records = async ({ sql }: Log): Promise<string[]> =>
  (
    await sql<{ pk: string }[]>`
    select event_pk as pk from public.audit_chain where event_kind = 'orders:record' order by seq`
  ).map(({ pk }) => pk.replace(/@.*/u, ""));

describe.each([
  ["refuse", false],
  ["track", false],
  ["refuse", true],
  ["track", true],
] as const)("a table whose changes are to be: %s (salted: %s)", (changes, salt) => {
  test("a dropped column: rows that had values are recorded anew, which is approved once", async () => {
    const log = await orders(changes, salt);
    await migrate(log, "alter table public.orders drop note");
    expect((await look(log)).report.unproven.join()).toContain("cannot be recomputed");
    const published = await log.publish();
    expect(published.status).toBe("intact");
    expect(published.warnings.filter((warning) => !warning.includes("fsync"))).toEqual([]);
    expect(await records(log)).toEqual(["2", "4"]);
    const { before, after, found: left, policy, report } = await verdicts(log);
    // The drop itself, and the rows that could not be compared.
    expect(before).toEqual(["coverage_narrowed orders", "coverage_narrowed orders"]);
    expect(report.unproven).toEqual([]);
    expect(report.recordedAnew).toEqual([{ kind: "orders", compared: 0, notCompared: 2 }]);
    expect([after, left]).toEqual(["intact", []]);
    // Nothing more is recorded, and no look is taken any more.
    await log.publish();
    expect(await records(log)).toEqual(["2", "4"]);
    for (const id of [1, 2]) {
      const [row] = await log.sql`select * from public.orders where id = ${id}`;
      await log.attack(`update public.orders set item = 'forged' where id = ${id}`);
      expect(found((await look(log, policy)).report)).toEqual([
        `source_edited orders${id === 1 ? "" : ":record"} ${id}`,
      ]);
      await log.attack(`update public.orders set item = '${String(row?.["item"])}' where id = ${id}`);
    }
    await log.attack("delete from public.orders where id = 2");
    expect(found((await look(log, policy)).report)).toEqual(["source_deleted orders:record 2"]);
  }, 120_000);
});

test("the line of a statement stands before the head that covers it, in every sink", async () => {
  const log = await orders();
  await migrate(log, "alter table public.orders drop note");
  await log.publish();
  for (const path of log.paths)
    expect(linesOf(path).map((line) => line.slice(0, line.indexOf(":")))).toEqual([
      '{"seq"',
      // What is new is published before anything is recorded anew.
      '{"seq"',
      '{"statement"',
      '{"seq"',
    ]);
  expect(linesOf(log.paths[0])).toEqual(linesOf(log.paths[1]));
});

test("values in a column that was taken in late are recorded", async () => {
  const log = await orders();
  await log.sql.unsafe("alter table public.orders add qty int not null default 5");
  await log.sql.unsafe("update public.orders set qty = 7 where id = 3");
  await log.sql`select public.audit_chain_sync('public.orders')`;
  await log.publish();
  expect(await records(log)).toEqual(["3"]);
  const { before, after, policy } = await verdicts(log);
  expect([before, after]).toEqual([["coverage_narrowed orders"], "intact"]);
  await log.attack("update public.orders set qty = 8 where id = 3");
  expect(found((await look(log, policy)).report)).toEqual(["source_edited orders:record 3"]);
});

test("a column that is excluded may change once its rows have been recorded without it, and nothing else", async () => {
  const log = await orders("refuse");
  await log.sql`select public.audit_chain_attach('public.orders', exclude => array['note'])`;
  await log.publish();
  expect(await records(log)).toEqual(["2", "4"]);
  const { report, after, policy } = await verdicts(log);
  expect(report.recordedAnew).toEqual([{ kind: "orders", compared: 2, notCompared: 0 }]);
  expect([found(report), after]).toEqual([["coverage_narrowed orders"], "intact"]);
  // 1 had no note, and was not recorded anew.
  await log.sql.unsafe("update public.orders set note = 'other' where id in (1, 2)");
  expect((await look(log, policy)).report).toMatchObject({ status: "intact", unproven: [] });
  await log.attack("update public.orders set item = 'forged' where id = 1");
  expect(found((await look(log, policy)).report)).toEqual(["source_edited orders 1"]);
});

test("a row that was changed past the triggers is found, and keeps its table from being stated", async () => {
  const log = await orders();
  await log.sql.unsafe("alter table public.orders add qty int not null default 5");
  await log.sql.unsafe("update public.orders set qty = 7 where id = 3");
  await log.sql`select public.audit_chain_sync('public.orders')`;
  await log.attack("update public.orders set item = 'forged' where id = 2");
  const { warnings } = await log.publish();
  expect(warnings.join()).toContain("was not recorded anew: source_edited");
  expect(await records(log)).toEqual([]);
  expect(found((await look(log)).report)).toEqual(["source_edited orders 2"]);
  await log.attack("update public.orders set item = 'x' where id = 2");
  await log.publish();
  expect(await records(log)).toEqual(["3"]);
});

test("being recorded anew makes no row younger: it leaves by the retention as it would have", async () => {
  const log = await orders("refuse");
  const policyOf = (seconds: number) =>
    parsePolicy(
      `{"tables":{"public.orders":{"kind":"orders","key":["id"],"exclude":[],"changes":"refuse","retention":"PT${seconds}S"}}}`,
    );
  await log.sql`select pg_sleep(8)`;
  await migrate(log, "alter table public.orders drop note");
  await log.attack("delete from public.orders where id = 4");
  // Who knows the retention does not wait for the row; it is not recorded, and nothing is to be said of it.
  expect((await log.publish()).warnings.join()).toContain("was not recorded anew: source_deleted");
  await log.publish({ policy: policyOf(8) });
  expect(await records(log)).toEqual(["2"]);
  await log.attack("delete from public.orders where id = 2");
  // As old as its first event is now: what was recorded anew is at least eight seconds younger.
  const [first] = await log.sql<{ s: number }[]>`
    select floor(extract(epoch from clock_timestamp() - appended_at))::int as s from public.audit_chain where event_kind = 'orders' and event_pk = '2'`;
  const { report } = await look(log, policyOf(first?.s ?? 0));
  expect([found(report).filter((one) => one.startsWith("source")), report.unproven]).toEqual([[], []]);
  expect(report.retired).toMatchObject([{ kind: "orders", rows: 2 }]);
});

test("a row that the auditor has accepted keeps no table from being recorded, and is recorded as it stands", async () => {
  const log = await orders();
  await log.attack("update public.orders set item = 'mended by hand' where id = 2");
  const accepted = (await look(log)).report.divergences.map((one) => {
    const { check, seq, eventKind = "", eventPk } = one;
    const signature = { reason: "INC-7", by: "anna", at: "2026-11-21T09:00:00.000Z" };
    return { check, seq, eventKind, eventPk, actual: stateDigest(one), ...signature };
  });
  const policy = { ...parsePolicy('{"tables":{}}'), accepted };
  expect((await look(log, policy)).report.status).toBe("intact");
  await log.sql.unsafe("alter table public.orders add qty int not null default 5");
  await log.sql.unsafe("update public.orders set qty = 7 where id = 3");
  await log.sql`select public.audit_chain_sync('public.orders')`;
  expect((await log.publish()).warnings.join()).toContain("was not recorded anew: source_edited");
  await log.publish({ policy });
  expect((await records(log)).toSorted()).toEqual(["2", "3"]);
  // The publisher cannot bless what an auditor's own policy does not accept: it counts as not compared.
  const { before, after, policy: approving } = await verdicts(log);
  expect([before, after]).toEqual([["coverage_narrowed orders"], "intact"]);
  await log.attack("update public.orders set item = 'forged' where id = 2");
  expect(found((await look(log, { ...approving, accepted })).report)).toEqual(["source_edited orders:record 2"]);
});

test("a row deleted, and one inserted past the triggers, before the table is recorded anew", async () => {
  const log = await orders("refuse");
  await migrate(log, "alter table public.orders drop note");
  await log.attack("delete from public.orders where id = 4; insert into public.orders values (9, 'forged')");
  await log.publish();
  expect(await records(log)).toEqual([]);
  expect(found((await look(log)).report).toSorted()).toEqual([
    "coverage_narrowed orders",
    "source_deleted orders 4",
    "source_unchained orders 9",
  ]);
});

test("what somebody records past the publisher is as if it were not there", async () => {
  const log = await orders();
  await log.sql.unsafe("alter table public.orders add qty int not null default 5");
  await log.sql.unsafe("update public.orders set qty = 7 where id = 3");
  await log.sql`select public.audit_chain_sync('public.orders')`;
  const forge = `update public.orders set item = 'forged' where id = 2;
    select public.audit_chain_record('orders', array['2'],
      array[sha256(convert_to('{"id":"2","item":"forged","note":"n"}', 'UTF8'))],
      array[(select payload_hash from public.audit_chain where event_kind = 'orders' and event_pk = '2')], 1000)`;
  await log.attack(forge);
  expect(await records(log)).toEqual(["2"]);
  expect(found((await look(log)).report)).toEqual(["source_edited orders 2"]);
  // Nor does the publisher state it.
  expect((await log.publish()).warnings.join()).toContain("was not recorded anew: source_edited");
  expect(found((await look(log)).report)).toEqual(["source_edited orders 2"]);
});

test("a forged record of a row that is not compared stays for the auditor to approve, and is counted", async () => {
  const log = await orders();
  await migrate(log, "alter table public.orders drop note");
  await log.attack(`update public.orders set item = 'forged' where id = 2;
    select public.audit_chain_record('orders', array['2'], array[sha256('{"id":"2","item":"other"}')],
      array[sha256('whatever')], 1000)`);
  await log.publish();
  expect(await records(log)).toEqual(["2", "2", "4"]);
  const { report } = await look(log);
  expect(found(report)).toContain("coverage_narrowed orders");
  // The forged event does not follow from the one before it, for good.
  expect(found(report)).toContain("change_unrecorded orders:record 2");
});

test("without its statement a generation is none, and with a forged one neither", async () => {
  const log = await orders();
  await migrate(log, "alter table public.orders drop note");
  await log.publish();
  const [path] = log.paths;
  const whole = readFileSync(path, "utf8");
  const lines = linesOf(path);
  writeFileSync(path, `${lines.filter((line) => line.startsWith('{"seq"')).join("\n")}\n`);
  expect((await look(log, null, [log.sinks[0]])).report.unproven.join()).toContain("cannot be recomputed");
  const forged = lines.map((line) => line.replace('\\"not_compared\\":2', '\\"not_compared\\":0'));
  expect(forged).not.toEqual(lines);
  writeFileSync(path, `${forged.join("\n")}\n`);
  const { report } = await look(log, null, [log.sinks[0]]);
  expect(found(report)).toContain("sink_signature");
  expect(report.unproven.join()).toContain("cannot be recomputed");
  writeFileSync(path, whole);
  expect((await look(log)).report.unproven).toEqual([]);
});

test("a statement does not stand for a chain that was rewritten after it", async () => {
  const log = await orders();
  await migrate(log, "alter table public.orders drop note");
  await log.publish();
  await log.attack(`alter table public.audit_chain disable trigger user;
    update public.audit_chain set payload_hash = sha256('{"id":"2","item":"forged"}') where event_kind = 'orders:record' and event_pk like '2@%';
    ${recompute(5)};
    update public.orders set item = 'forged' where id = 2`);
  expect(found((await look(log)).report)).toContain("head_mismatch");
});

test("changes from before and after a migration, which cannot be compared, are counted and approved once", async () => {
  const log = await orders();
  await migrate(log, "alter table public.orders drop note");
  await log.sql.unsafe("update public.orders set item = 'later' where id = 2; delete from public.orders where id = 4");
  await log.publish();
  const { report, after } = await verdicts(log);
  expect(report.unproven).toEqual([]);
  expect(after).toBe("intact");
  expect(found(report)).toEqual(["coverage_narrowed orders", "coverage_narrowed orders"]);
  const sentence = report.divergences.map(({ message }) => message).join();
  expect(sentence).toContain("2 changes stand as found");
});

test("a second migration on top of the first", async () => {
  const log = await orders();
  await migrate(log, "alter table public.orders drop note");
  await log.publish();
  await migrate(
    log,
    "alter table public.orders add qty int; update public.orders set qty = id; alter table public.orders drop item",
  );
  await log.publish();
  const { report, after, policy } = await verdicts(log);
  expect(report.unproven).toEqual([]);
  expect(after).toBe("intact");
  await log.attack("update public.orders set qty = 100 where id = 3");
  expect(found((await look(log, policy)).report)).toEqual(["source_edited orders:record 3"]);
});

test("what a publisher does not remember to have recorded is not recorded twice", async () => {
  const log = await orders();
  await migrate(log, "alter table public.orders drop note");
  await log.publish();
  expect(await records(log)).toEqual(["2", "4"]);
  const state = JSON.parse(readFileSync(log.stateFile, "utf8")) as { settled: number };
  writeFileSync(log.stateFile, `${JSON.stringify({ ...state, settled: null }, null, 1)}\n`);
  await log.publish();
  expect(await records(log)).toEqual(["2", "4"]);
});
