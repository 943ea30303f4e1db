// Scenario: all rows of a table had a value in a column that was dropped. They are recorded anew, and sums vouch for them
// then, for the publisher and for the verifier: whatever is wrong all the same is found as it is in order, row by row.
import { openSinks } from "@scidex/audit-sinks";
import { verify } from "@scidex/audit-verifier";
import { expect, test } from "vitest";
import { type Log, openLog, ORIGIN } from "../log.ts";
import { found, migrate, verdicts } from "./orders.ts";

/** A published table with a row for each key, all of which have a note. */
async function noted(changes: "refuse" | "track", keys = 40): Promise<Log> {
  const log = await openLog();
  await log.sql.unsafe("create table public.orders (id bigint primary key, item text not null, note text not null)");
  await log.sql`select public.audit_chain_attach('public.orders', 'sealed', ${changes})`;
  await log.sql`insert into public.orders select n, 'item ' || n, 'note ' || n from generate_series(1, ${keys}) as n`;
  await log.publish();
  return log;
}

/** What both ways find, which must be the same. */
async function findings(log: Log): Promise<string[]> {
  const heads = openSinks(log.sinks, {});
  try {
    const reports = [];
    for (const plain of [false, true]) {
      const checks = ["links", "heads", "sources"] as const;
      const trust = { origin: ORIGIN, keys: log.vkeys, heads, policy: null };
      const { report, overview } = await verify(log.sql, trust, { checks, plain });
      reports.push({ found: found(report), unproven: report.unproven, kinds: overview.kinds });
    }
    expect(reports[0]).toEqual(reports[1]);
    return reports[0]?.found ?? [];
  } finally {
    await Promise.all(heads.map(async (sink) => await sink.close()));
  }
}

test.each(["refuse", "track"] as const)(
  "rows of a table that is to %s changes are stated and verified",
  async (changes) => {
    const log = await noted(changes);
    await migrate(log, "alter table public.orders drop note");
    await log.sql.unsafe("insert into public.orders values (41, 'later')");
    expect((await log.publish()).warnings.filter((warning) => !warning.includes("fsync"))).toEqual([]);
    const { report, after } = await verdicts(log);
    expect(report.recordedAnew).toEqual([{ kind: "orders", compared: 0, notCompared: 40 }]);
    expect(after).toBe("intact");
    await log.sql.unsafe("insert into public.orders values (42, 'pending')");
    expect(await findings(log)).toEqual([]);
    await log.attack("update public.orders set item = 'forged' where id = 7");
    expect(await findings(log)).toEqual(["source_edited orders:record 7"]);
    await log.attack(
      "update public.orders set item = 'item 7' where id = 7; delete from public.orders where id in (8, 41)",
    );
    expect((await findings(log)).toSorted()).toEqual(["source_deleted orders 41", "source_deleted orders:record 8"]);
  },
  120_000,
);

test("what was recorded past the publisher once all is stated counts for nothing", async () => {
  const log = await noted("refuse", 3);
  await migrate(log, "alter table public.orders drop note");
  await log.publish();
  const hash = (item: string) => `sha256(convert_to('{"id":"2","item":"${item}"}', 'UTF8'))`;
  await log.attack(`update public.orders set item = 'forged' where id = 2;
    select public.audit_chain_record('orders', array['2'], array[${hash("forged")}], array[${hash("item 2")}], 1000)`);
  await log.publish();
  expect(await findings(log)).toEqual(["source_edited orders:record 2"]);
});

test("a publisher that was killed between recording and stating states what it finds there", async () => {
  const log = await noted("refuse", 5);
  await migrate(log, "alter table public.orders drop note");
  const of = (what: string) => `(select array_agg(${what} order by id) from public.orders as o
    join public.audit_chain as c on c.event_kind = 'orders' and c.event_pk = o.id::text)`;
  const hashes = of(`sha256(convert_to('{"id":"' || id || '","item":"' || item || '"}', 'UTF8'))`);
  await log.sql.unsafe(
    `select public.audit_chain_record('orders', ${of("id::text")}, ${hashes}, ${of("payload_hash")}, 1000)`,
  );
  await log.publish();
  const { report, after } = await verdicts(log);
  expect([report.recordedAnew, after]).toEqual([[{ kind: "orders", compared: 0, notCompared: 5 }], "intact"]);
  // Nothing was recorded twice.
  expect((await log.sql`select from public.audit_chain where event_kind = 'orders:record'`).length).toBe(5);
  expect(await findings(log)).toEqual([]);
});

test("a record that found something else than the event before it is found for good", async () => {
  const log = await noted("refuse", 5);
  await migrate(log, "alter table public.orders drop note");
  const forged = `sha256(convert_to('{"id":"2","item":"forged"}', 'UTF8'))`;
  const event = "(select payload_hash from public.audit_chain where event_kind = 'orders' and event_pk = '1')";
  await log.attack(`update public.orders set item = 'forged' where id = 2;
    select public.audit_chain_record('orders', array['2'], array[${forged}], array[${event}], 1000)`);
  await log.publish();
  expect(await findings(log)).toContain("change_unrecorded orders:record 2");
});
