/** Rows that were put back as they had been recorded, and events that only say so (THREATS C23). */
import { migrate } from "@scidex/audit-schema";
import { type Template } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { describe, expect, it } from "vitest";
import { parsePolicy, type VerificationReport } from "../../src/index.ts";
import { describeReport } from "../../src/report/describe-report.ts";
import { type ChainDatabase, openChain } from "../chain-database.ts";

const TABLES = ["refuse", "track"] as const;

const tables: Template = {
  name: "audit-chain-verifier-restore",
  prepare: async (url) => {
    const sql = postgres(url, { max: 2, fetch_types: false, onnotice: () => {} });
    await migrate(drizzle(sql));
    for (const changes of TABLES)
      await sql.unsafe(`create table public.${changes} (id int primary key, note text);
        select public.audit_chain_attach('public.${changes}', changes => '${changes}');
        insert into public.${changes} values (1, 'a'), (2, 'b'), (3, 'c')`);
    await sql.unsafe("delete from public.track where id = 3; update public.track set note = 'older' where id = 2");
    await sql.unsafe("update public.track set note = 'b' where id = 2; select public.audit_chain_seal(100)");
    await sql.end();
  },
};

const open = async (): Promise<ChainDatabase> => {
  const db = await openChain({ template: tables });
  await db.publish();
  return db;
};

/** What is found, by the events' kinds and the rows' keys: the same in bulk and in order. */
async function found(db: ChainDatabase): Promise<string[]> {
  const checks = ["links", "heads", "sources"] as const;
  const reports = [await db.verify({ checks }), await db.verify({ checks, plain: true })];
  const [bulk, plain] = reports.map(({ divergences }: VerificationReport) =>
    divergences.map(({ check, eventKind, eventPk }) => `${check} ${eventKind} ${eventPk?.replace(/@\d+$/u, "")}`),
  );
  expect(bulk).toEqual(plain);
  return bulk ?? [];
}

const hashOf = (table: string, text: string) =>
  `sha256(convert_to('{"id":"${text[0]}","note":"${text.slice(2)}"}', 'UTF8')) /* ${table} */`;

/** An event as good as the door's, by somebody with full write authority. */
const forged = (table: string, key: number, hash: string) => `
  insert into public.audit_chain_pending (mode, op, event_kind, event_pk, payload_hash)
  values ('sealed', 'restore', '${table}', '${key}', ${hash}); select public.audit_chain_seal(10)`;

const restore = async ({ sql }: ChainDatabase, table: string, key: number, note: string) => {
  await sql`select public.audit_chain_restore(${`public.${table}`}::text::regclass, ${String(key)}, ${JSON.stringify({ id: key, note })}::text::json)`;
};

describe.each(TABLES)("in a table with --changes %s", (table) => {
  it("what was put back is what was recorded, and the report says that it was", async () => {
    const db = await open();
    await db.attack(
      `update public.${table} set note = 'forged' where id = 1; delete from public.${table} where id = 2`,
    );
    const key = table === "track" ? `${table}:update 2` : `${table} 2`;
    expect(await found(db)).toEqual([`source_edited ${table} 1`, `source_deleted ${key}`]);
    await restore(db, table, 1, "a");
    await restore(db, table, 2, "b");
    expect(await found(db)).toEqual([]);
    await db.publish();
    const report = await db.verify();
    const [{ seq, at } = { seq: "", at: "" }] = await db.sql<{ seq: string; at: string }[]>`
      select seq::text, to_char(appended_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at from audit_chain order by audit_chain.seq desc limit 1`;
    expect(report).toMatchObject({ status: "intact", unproven: [], warnings: [] });
    expect(report.restored).toEqual([{ kind: table, rows: 2, seq: BigInt(seq), at }]);
    expect(describeReport(report)).toContain(
      `restored    ${table}: 2 rows were put back as recorded, the last at seq ${seq}, ${at}\n`,
    );
    // It is watched as before.
    await db.attack(
      `update public.${table} set note = 'forged' where id = 1; delete from public.${table} where id = 2`,
    );
    expect(await found(db)).toEqual([`source_edited ${table}:restore 1`, `source_deleted ${table}:restore 2`]);
  });

  it("an event that says another row was put back is a finding, whatever stands there, for good", async () => {
    const db = await open();
    await db.attack(`update public.${table} set note = 'x' where id = 1; ${forged(table, 1, hashOf(table, "1 x"))}`);
    const finding = `change_unrecorded ${table}:restore 1`;
    expect(await found(db)).toEqual([finding]);
    expect((await db.verify()).divergences[0]?.message).toContain("another one than the chain had recorded at seq");
    await db.attack(`${forged(table, 1, hashOf(table, "1 a"))}; update public.${table} set note = 'a' where id = 1`);
    expect(await found(db)).toEqual([finding, finding]);
    if (table === "refuse") return;
    await db.sql`update public.track set note = 'honest' where id = 1`;
    await db.sql`select public.audit_chain_seal(10)`;
    expect(await found(db)).toEqual([finding, finding]);
  });

  it("an event that says what was recorded excuses nothing, and neither does one that waits", async () => {
    const db = await open();
    await db.attack(`update public.${table} set note = 'x' where id = 1; ${forged(table, 1, hashOf(table, "1 a"))}`);
    expect(await found(db)).toEqual([`source_edited ${table}:restore 1`]);
    await db.attack(`delete from public.${table} where id = 1`);
    expect(await found(db)).toEqual([`source_deleted ${table}:restore 1`]);
    const other = await open();
    await other.attack(`update public.${table} set note = 'x' where id = 1;
      insert into public.audit_chain_pending (mode, op, event_kind, event_pk, payload_hash)
      values ('sealed', 'restore', '${table}', '1', ${hashOf(table, "1 x")})`);
    expect(await found(other)).toEqual([`source_edited ${table} 1`]);
  });

  it("of a row that nobody has recorded, none can be put back", async () => {
    const db = await open();
    await db.attack(`insert into public.${table} values (9, 'x'); ${forged(table, 9, hashOf(table, "9 x"))}`);
    expect(await found(db)).toEqual([`change_unrecorded ${table}:restore 9`]);
  });
});

it("a row that was deleted lawfully, and an older content of one, do not come back by an event", async () => {
  const db = await open();
  await db.attack(`insert into public.track values (3, 'c'); ${forged("track", 3, hashOf("track", "3 c"))}`);
  await db.attack(
    `update public.track set note = 'older' where id = 2; ${forged("track", 2, hashOf("track", "2 older"))}`,
  );
  expect(await found(db)).toEqual(["change_unrecorded track:restore 3", "change_unrecorded track:restore 2"]);
});

it("a row that was put back may be changed honestly, and what was changed before is not laundered by it", async () => {
  const db = await open();
  await db.attack("update public.track set note = 'x' where id = 1");
  await restore(db, "track", 1, "a");
  await db.sql`update public.track set note = 'honest' where id = 1`;
  await db.sql`select public.audit_chain_seal(10)`;
  expect(await found(db)).toEqual([]);
  await db.attack("update public.track set note = 'x' where id = 1");
  await db.sql`update public.track set note = 'y' where id = 1`;
  await db.sql`select public.audit_chain_seal(10)`;
  await db.attack(forged("track", 1, hashOf("track", "1 honest")));
  expect(await found(db)).toEqual([
    "change_unrecorded track:update 1",
    "source_edited track:restore 1",
    "change_unrecorded track:restore 1",
  ]);
});

it("a row that was put back is no younger: it leaves by its retention as if nobody had touched it", async () => {
  const db = await open();
  await db.sql`select pg_sleep(2.1)`;
  await db.attack("update public.refuse set note = 'x' where id = 1");
  await restore(db, "refuse", 1, "a");
  await db.attack("delete from public.refuse where id = 1");
  const table = { kind: "refuse", key: ["id"], exclude: [], changes: "refuse" };
  const verifyBy = async (retention: string) =>
    await db.verify({
      policy: parsePolicy(JSON.stringify({ tables: { "public.refuse": { ...table, retention } } })),
      checks: ["links", "heads", "sources"],
    });
  expect(await verifyBy("PT2S")).toMatchObject({ divergences: [], retired: [{ kind: "refuse", rows: 1 }] });
  expect((await verifyBy("P1D")).divergences).toMatchObject([{ check: "source_deleted", eventKind: "refuse:restore" }]);
});
