import { afterAll, beforeAll, expect, test } from "vitest";
import { attach } from "../src/index.ts";
import { chainDatabase, connect, stateOf } from "./database.ts";
import { expectChained, expectIntact } from "./recompute.ts";

let database: Awaited<ReturnType<typeof chainDatabase>>;
beforeAll(async () => {
  database = await chainDatabase();
});
afterAll(async () => database.drop());

test("UPDATE, DELETE and TRUNCATE are refused for superusers, owners and cascades, whatever the mode", async () => {
  const { sql, db } = database;
  await sql.unsafe(`
    create table parent (id int primary key, code text unique);
    create table facts (id int primary key, n numeric, parent int references parent on delete cascade on update cascade,
      code text references parent (code) on delete set null, seen int, b boolean);
    insert into parent values (1, 'a'), (2, 'b')`);
  for (const mode of ["strict", "sealed"] as const) {
    await attach(db, "facts", { mode, exclude: ["seen"] });
    const id = mode === "strict" ? 1 : 2;
    await sql.unsafe(`insert into facts values (${id}, 1.0, 1, 'a', 0, true)`);
    for (const statement of [
      `update facts set n = 1.000 where id = ${id}`,
      `update facts set n = null where id = ${id}`,
      `update facts set b = not b where id = ${id}`,
      `update facts set id = 9 where id = ${id}`,
      `delete from facts where id = ${id}`,
      "truncate facts",
      "truncate parent cascade",
      "delete from parent where id = 1",
      "update parent set id = 7 where id = 1",
      "update parent set code = null where id = 1",
      `with gone as (delete from facts returning *) select * from gone`,
    ])
      expect([statement, await stateOf(sql.unsafe(statement))]).toEqual([
        statement,
        expect.stringMatching(/^AC004$|^23503$/) as string,
      ]);
    // An update that changes nothing, and one of an excluded column, pass.
    await sql.unsafe(
      `update facts set n = 1.0, seen = 0; update facts set seen = seen + 1; update facts set n = n, b = true; delete from facts where false`,
    );
  }
  expect(await stateOf(sql`delete from parent where id = 1`)).toBe("AC004");
  await sql`delete from parent where id = 2`;
  await expectChained(sql, "facts");
});

test("a refusal says why and what to do", async () => {
  const error: unknown = await database.sql`delete from facts`.catch((reason: unknown) => reason);
  expect(error).toMatchObject({
    code: "AC004",
    message: "DELETE of audited rows of public.facts is refused: they are recorded in the audit chain",
    hint: expect.stringContaining("--changes track") as string,
  });
});

test("the chain and its configuration are append-only for everyone", async () => {
  const { sql } = database;
  for (const table of ["audit_chain", "audit_chain_config"]) {
    const [row] =
      await sql`select min(column_name::text) as c from information_schema.columns where table_name = ${table} and ordinal_position = 1`;
    const column = String(row?.["c"]);
    for (const statement of [
      `update ${table} set ${column} = ${column}`,
      `delete from ${table}`,
      `delete from ${table} where false`,
      `truncate ${table}`,
    ])
      expect([statement, await stateOf(sql.unsafe(statement))]).toEqual([statement, "AC004"]);
  }
});

test("tracked rows change freely, each change is an event, and TRUNCATE stays refused", async () => {
  const { sql, db } = database;
  const { tracked } = { tracked: ["senate_alerts"] };
  for (const table of tracked) await attach(db, table, { changes: "track", mode: "sealed" });
  await sql.unsafe(`insert into senate_alerts (kind) values ('a'), ('b'); update senate_alerts set ack_by = 'me' where kind = 'a';
    update senate_alerts set ack_by = 'me' where kind = 'a'; delete from senate_alerts where kind = 'b'`);
  expect(await stateOf(sql`truncate senate_alerts`)).toBe("AC004");
  await sql`select audit_chain_seal(100)`;
  const events =
    await sql`select event_kind, split_part(event_pk, '@', 1) as pk, split_part(event_pk, '@', 2) in ('', seq::text) as own from audit_chain where event_kind like 'senate_alerts%' order by seq`;
  expect(events).toEqual([
    { event_kind: "senate_alerts", pk: "1", own: true },
    { event_kind: "senate_alerts", pk: "2", own: true },
    { event_kind: "senate_alerts:update", pk: "1", own: true },
    { event_kind: "senate_alerts:delete", pk: "2", own: true },
  ]);
  await expectIntact(sql);
});

test("a mode changed again and again under load loses nothing, and keeps the order of each key's events", async () => {
  const { sql, db, url } = database;
  await sql.unsafe("create table busy (id int primary key, n int not null)");
  await attach(db, "busy", { changes: "track", mode: "sealed" });
  const stop = new AbortController();
  const writers = Array.from({ length: 8 }, async (_, w) => {
    await using client = connect(url);
    await client.sql`insert into busy values (${w}, 0)`;
    let changes = 0;
    while (!stop.signal.aborted) {
      const shared = 100 + (changes % 3);
      await client.sql.begin(async (tx) => {
        await tx`update busy set n = n + 1 where id = ${w}`;
        await tx`insert into busy values (${shared}, 1) on conflict (id) do update set n = busy.n + 1`;
      });
      changes++;
    }
    return changes;
  });
  const sealer = (async () => {
    await using client = connect(url);
    while (!stop.signal.aborted) await client.sql`select audit_chain_seal(50)`;
  })();
  const modes = await (async () => {
    const seen: string[] = [];
    for (let i = 0; i < 12; i++)
      seen.push((await attach(db, "busy", { mode: i % 2 === 0 ? "strict" : "sealed", lockTimeoutMs: 5000 })).mode);
    return seen;
  })();
  stop.abort();
  const changes = await Promise.all(writers);
  await sealer;
  await sql`select audit_chain_seal(1000000)`;
  expect(modes.filter((m) => m === "strict").length).toBe(6);
  const total = changes.reduce((a, b) => a + b, 0);
  const [row] = await sql`select count(*)::int as n from audit_chain where event_kind like 'busy%'`;
  expect(row?.["n"]).toBe(8 + 2 * total);
  // The hashes of a key's events count up by one: {"id":…,"n":1}, {"id":…,"n":2} …
  const wrong = await sql`
    with events as (select split_part(event_pk, '@', 1) as pk, payload_hash, event_kind, row_number() over (partition by split_part(event_pk, '@', 1) order by seq) as i from audit_chain where event_kind like 'busy%')
    select count(*)::int as n from events where payload_hash <> sha256(convert_to(format('{"id":"%s","n":"%s"}', pk, case when pk::int < 100 then i - 1 else i end), 'UTF8'))`;
  expect(wrong[0]?.["n"]).toBe(0);
  await expectIntact(sql);
});
