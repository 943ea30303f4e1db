// Scenario: a table of several batches is recorded anew: rows are recorded while others are still compared.
import { expect, test } from "vitest";
import type { Log } from "../log.ts";
import { found, look, orders, verdicts } from "./orders.ts";

const ROWS = 13_000;
/** In the order of keys it stands in the second of four batches. */
const EDITED = 5_000;

async function manyOrders(): Promise<Log> {
  const log = await orders("track");
  await log.sql`insert into public.orders select g, 'item ' || g, 'note' from generate_series(5, ${ROWS}) as g`;
  await log.publish();
  // A column that is taken in late, with values: rows are held against what was recorded without it.
  await log.sql.unsafe("alter table public.orders add qty int not null default 5");
  await log.sql.unsafe("update public.orders set qty = 7 where id > 4");
  await log.sql`select public.audit_chain_sync('public.orders')`;
  return log;
}

const recorded = async ({ sql }: Log, id?: number): Promise<number> => {
  const key = id === undefined ? sql`` : sql`and event_pk like ${`${id}@%`}`;
  const [row] = await sql`select count(*) as n from public.audit_chain where event_kind = 'orders:record' ${key}`;
  return Number(row?.["n"]);
};
const setItem = async (log: Log, id: number, item: string): Promise<void> =>
  await log.attack(`update public.orders set item = '${item}' where id = ${id}`);

test("a row that was changed past the triggers is not recorded, and nothing is stated until it is put right", async () => {
  const log = await manyOrders();
  await setItem(log, EDITED, "forged");
  const { warnings } = await log.publish();
  expect(warnings.join()).toContain("was not recorded anew: source_edited");
  expect(await recorded(log)).toBeGreaterThanOrEqual(8_000);
  expect(await recorded(log, EDITED)).toBe(0);
  const { report } = await look(log);
  expect([found(report), report.recordedAnew]).toEqual([[`source_edited orders ${EDITED}`], []]);

  await setItem(log, EDITED, `item ${EDITED}`);
  // One that has been recorded already, and nobody has stated it.
  await setItem(log, 100, "forged");
  await log.publish();
  expect(found((await look(log)).report)).toEqual(["source_edited orders 100"]);
  await setItem(log, 100, "item 100");
  expect((await log.publish()).warnings.join()).not.toContain("recorded anew");
  expect(await recorded(log)).toBe(ROWS - 4);
  const { report: stated, after } = await verdicts(log);
  expect(stated.recordedAnew).toEqual([{ kind: "orders", compared: 0, notCompared: ROWS - 4 }]);
  expect(after).toBe("intact");
});

test("nothing is recorded where the chain is not what was published", async () => {
  const log = await manyOrders();
  await log.attack(
    "update public.audit_chain set payload_hash = sha256('x') where event_kind = 'orders' and event_pk = '7'",
  );
  await log.publish().catch(() => undefined);
  expect(await recorded(log)).toBe(0);
});

test("rows that the application changes meanwhile are recorded once, or not at all", async () => {
  const log = await manyOrders();
  let isOver = false;
  const write = async (): Promise<number> => {
    let written = 0;
    for (; !isOver; written++) {
      const id = 5 + Math.floor(Math.random() * (ROWS - 5));
      await log.sql`update public.orders set item = ${`changed ${written}`} where id = ${id}`;
    }
    return written;
  };
  const writing = write();
  const { warnings } = await log.publish();
  isOver = true;
  expect(await writing).toBeGreaterThan(10);
  expect(warnings.join()).not.toContain("recorded anew");
  const [twice] = await log.sql`
    select count(*) as n from (select split_part(event_pk, '@', 1) from public.audit_chain
      where event_kind = 'orders:record' group by 1 having count(*) > 1) as t`;
  expect(Number(twice?.["n"])).toBe(0);
  await log.publish();
  expect((await verdicts(log)).after).toBe("intact");
});
