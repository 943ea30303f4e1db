import type { Sql } from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { attach } from "../src/index.ts";
import { chainDatabase, connect, stateOf } from "./database.ts";
import { expectChained, expectIntact } from "./recompute.ts";

let database: Awaited<ReturnType<typeof chainDatabase>>;
beforeAll(async () => {
  database = await chainDatabase();
  await database.sql.unsafe(`
    create table notes (id bigint generated always as identity primary key, body text, seen text);
    create table slow (id bigint generated always as identity primary key, body text);
    create table tasks (id int primary key, state text)`);
  await attach(database.db, "notes", { mode: "strict", exclude: ["seen"] });
  await attach(database.db, "slow", { mode: "sealed" });
  await attach(database.db, "tasks", { mode: "strict", changes: "track" });
});
afterAll(async () => database.drop());

/** Repeats a transaction as applications do after 40001. Returns how often it had to. */
async function patiently(work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const state = await stateOf(work());
    if (state === undefined) return;
    if ((state !== "40001" && state !== "40P01") || attempt > 500)
      throw new Error(`failed with ${state} after ${attempt} attempts`);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
  }
}

const LEVELS = ["read committed", "repeatable read", "serializable"] as const;

async function storm(url: string, name: string, each: number): Promise<number> {
  let appended = 0;
  await Promise.all(
    Array.from({ length: 64 }, async (_, c) => {
      await using client = connect(url);
      const level = LEVELS[c % 3] ?? "read committed";
      for (let i = 0; i < each; i++) {
        await patiently(async () =>
          client.sql.begin(`isolation level ${level}`, async (tx) => {
            if (c % 4 === 0)
              await tx`insert into notes (body) select ${`${name} ${c} `} || g from generate_series(1, 3) as g`;
            if (c % 4 === 1) await tx`insert into slow (body) values (${`${name} ${c} ${i}`})`;
            if (c % 4 === 2) await tx`select audit_chain_append(${name}, ${`${c}-${i}`}, sha256(${`${c}`}))`;
            if (c % 4 === 3) {
              await tx`select audit_chain_enqueue(${name}, ${`q${c}-${i}`}, sha256('q'))`;
              await tx`insert into notes (body) values ('beside')`;
            }
          }),
        );
        if (c % 4 === 2) appended++;
      }
    }),
  );
  return appended;
}

test("64 connections at once, at all isolation levels, on an empty chain and beside an idle snapshot: no fork, no gap, no lost row", async () => {
  const fresh = await chainDatabase();
  try {
    await fresh.sql.unsafe(
      `create table notes (id bigint generated always as identity primary key, body text); create table slow (like notes including all)`,
    );
    await fresh.sql.unsafe(`create table empty_first (id int)`);
    expect(await expectIntact(fresh.sql)).toBe(0);
    const first = await Promise.all(
      Array.from({ length: 64 }, async (_, i) => {
        await using client = connect(fresh.url);
        await patiently(async () =>
          client.sql.begin(
            `isolation level ${LEVELS[i % 3] ?? ""}`,
            async (tx) => tx`select audit_chain_append('first', ${String(i)}, sha256('x'))`,
          ),
        );
      }),
    );
    expect(await expectIntact(fresh.sql)).toBe(first.length);
    await attach(fresh.db, "notes", { mode: "strict" });
    await attach(fresh.db, "slow", { mode: "sealed" });
    await using idle = connect(fresh.url);
    await idle.sql.unsafe("begin isolation level repeatable read; select count(*) from audit_chain");
    const appended = await storm(fresh.url, "storm", 6);
    await idle.sql.unsafe("commit");
    await expectChained(fresh.sql, "notes");
    await expectChained(fresh.sql, "slow");
    const [row] = await fresh.sql`select count(*)::int as n from audit_chain where event_kind = 'storm'`;
    expect(row?.["n"]).toBe(2 * appended);
  } finally {
    await fresh.drop();
  }
});

test("a rolled-back transaction or savepoint, and an error in the middle, leave nothing, not even a gap", async () => {
  const { sql, url } = database;
  await using client = connect(url);
  const before = await expectIntact(sql);
  await client.sql.unsafe(
    `begin; insert into notes (body) values ('a'); select audit_chain_append('r', '1', sha256('x')); rollback`,
  );
  expect(
    await stateOf(
      client.sql.unsafe(
        `insert into notes (body) select case g when 3 then (1/0)::text end from generate_series(1, 3) g`,
      ),
    ),
  ).toBe("22012");
  expect(await expectIntact(sql)).toBe(before);
  await client.sql.unsafe(`begin; insert into notes (body) values ('kept');
    savepoint s; insert into notes (body) values ('gone'); insert into slow (body) values ('gone'); select audit_chain_append('r', '1', sha256('x')); rollback to s;
    savepoint t; insert into notes (body) values ('kept too'); insert into slow (body) values ('kept too'); release t;
    do $$ begin insert into notes (body) values ('gone as well'); raise exception 'x'; exception when others then null; end $$;
    commit`);
  expect(await expectIntact(sql)).toBe(before + 2);
  await client.sql.unsafe(
    `begin; savepoint s; insert into notes (body) values ('first of its kind, undone'); rollback to s; insert into notes (body) values ('after'); commit`,
  );
  expect(await expectIntact(sql)).toBe(before + 3);
  await expectChained(sql, "notes");
  await expectChained(sql, "slow");
});

test("COPY, MERGE and both forms of ON CONFLICT are captured, row for row", async () => {
  const { sql, url } = database;
  await using client = connect(url);
  const into = await client.sql`copy notes (body) from stdin`.writable();
  await new Promise<void>((resolve, reject) => {
    into.on("error", reject);
    into.on("finish", () => resolve());
    into.end("copied one\ncopied \\\\ two\n\\N\n");
  });
  await client.sql.unsafe(`
    merge into notes using (values ('merged'), ('merged too')) as v(body) on false when not matched then insert (body) values (v.body);
    insert into notes (id, body) overriding system value values (1000, 'x') on conflict do nothing;
    insert into notes (id, body) overriding system value values (1000, 'y'), (1001, 'z') on conflict do nothing;
    insert into notes (id, body, seen) overriding system value values (1000, 'x', null), (1002, 'w', null) on conflict (id) do update set seen = 'yes'`);
  expect(
    await stateOf(
      client.sql.unsafe(
        `insert into notes (id, body) overriding system value values (1000, 'q') on conflict (id) do update set body = excluded.body`,
      ),
    ),
  ).toBe("AC004");
  expect(
    await stateOf(
      client.sql.unsafe(
        `merge into notes using (values (1000)) as v(id) on notes.id = v.id when matched then update set body = 'q'`,
      ),
    ),
  ).toBe("AC004");
  expect(
    await stateOf(
      client.sql.unsafe(`merge into notes using (values (1000)) as v(id) on notes.id = v.id when matched then delete`),
    ),
  ).toBe("AC004");
  await expectChained(sql, "notes");
});

test("a statement that inserts nothing does not queue for the chain's lock", async () => {
  const { url } = database;
  await using holder = connect(url);
  await using client = connect(url);
  await holder.sql.unsafe(`begin; select audit_chain_append('holds', gen_random_uuid()::text, sha256('x'))`);
  expect(
    await stateOf(client.sql.unsafe(`set lock_timeout = 500; insert into notes (body) select 'none' where false`)),
  ).toBe(undefined);
  await client.sql.unsafe(`insert into slow (body) values ('sealed needs no lock')`);
  await client.sql.unsafe(`begin; insert into notes (body) values ('not before the commit')`);
  await holder.sql.unsafe("commit");
  await client.sql.unsafe("commit");
});

/** The newest event of each key must say what the row is now. */
async function newest(sql: Sql, kind: string): Promise<Record<string, string>> {
  const rows = await sql<{ pk: string; op: string }[]>`
    select distinct on (pk) pk, op from (
      select seq, regexp_replace(event_pk, case when event_kind = ${kind} then '$^' else '@[0-9]+$' end, '') as pk,
             encode(payload_hash, 'hex') || replace(event_kind, ${kind}, '') as op
        from audit_chain where event_kind = ${kind} or event_kind like ${`${kind}:%`}) as e order by pk, seq desc`;
  return Object.fromEntries(rows.map(({ pk, op }) => [pk, op.replace(/:(insert|update)$/, "")]));
}

test("insert and changes of one row in one transaction are events in the order in which they happened", async () => {
  const { sql, url } = database;
  await using client = connect(url);
  await client.sql
    .unsafe(`begin; insert into tasks values (1, 'new'); update tasks set state = 'open' where id = 1; update tasks set state = 'open' where id = 1;
    delete from tasks where id = 1; insert into tasks values (1, 'again'); update tasks set id = 2 where id = 1; commit`);
  const events =
    await sql`select event_kind || ' ' || event_pk as e, seq from audit_chain where event_kind like 'tasks%' order by seq`;
  const first = Number(events[0]?.["seq"]);
  expect(events.map((e) => String(e["e"]))).toEqual([
    "tasks 1",
    `tasks:update 1@${first + 1}`,
    `tasks:delete 1@${first + 2}`,
    `tasks:insert 1@${first + 3}`,
    `tasks:delete 1@${first + 4}`,
    "tasks 2",
  ]);
  await expectIntact(sql);
});

test("triggers of the application that change a row before or after it is written are covered", async () => {
  const { sql, db, url } = database;
  await using client = connect(url);
  await client.sql.unsafe(`
    create table jobs (id int primary key, state text, touched int default 0);
    create function jobs_before() returns trigger language plpgsql as $$ begin new.state := upper(new.state); return new; end $$;
    create function jobs_after() returns trigger language plpgsql as $$ begin
      if new.state = 'TOUCH' and new.touched = 0 then update jobs set touched = 1 where id = new.id; end if;
      if new.state = 'DROP' then delete from jobs where id = new.id; end if; return null; end $$;
    create trigger "A before" before insert or update on jobs for each row execute function jobs_before();
    create trigger "A after" after insert on jobs for each row execute function jobs_after();
    create trigger zz_after after update on jobs for each row execute function jobs_after()`);
  const { warnings } = await attach(db, "jobs", { mode: "strict", changes: "track" });
  expect(warnings).toEqual([]);
  await client.sql.unsafe(
    `insert into jobs values (1, 'touch'), (2, 'drop'), (3, 'plain'); update jobs set state = 'touch' where id = 3; update jobs set state = 'drop' where id = 1`,
  );
  const now = await sql<
    { id: string; hash: string }[]
  >`select id::text, encode(sha256(convert_to(format('{"id":"%s","state":"%s","touched":"%s"}', id, state, touched), 'UTF8')), 'hex') as hash from jobs`;
  const chained = await newest(sql, "jobs");
  for (const { id, hash } of now) expect(chained[id]).toBe(hash);
  expect(chained["1"]).toMatch(/:delete$/);
  expect(chained["2"]).toMatch(/:delete$/);
  await expectIntact(sql);
});

test("a key that comes back with other contents is refused when strict, set aside when sealed, and stops nobody else", async () => {
  const { sql, url } = database;
  await using client = connect(url);
  await client.sql
    .unsafe(`insert into slow (id, body) overriding system value values (5000, 'a'); select audit_chain_seal(100000);
    set session_replication_role = replica; delete from slow where id = 5000; set session_replication_role = origin;
    insert into slow (id, body) overriding system value values (5000, 'b'), (5001, 'c')`);
  expect((await sql`select audit_chain_seal(100000) as n`)[0]?.["n"]).toBe(2);
  expect(await sql`select event_pk, conflict from audit_chain_pending`).toEqual([
    { event_pk: "5000", conflict: "this event is chained with another hash" },
  ]);
  expect((await sql`select audit_chain_seal(100000) as n`)[0]?.["n"]).toBe(0);
  expect(
    (await sql`select count(*)::int as n from audit_chain where event_kind = 'slow' and event_pk = '5001'`)[0]?.["n"],
  ).toBe(1);
  await client.sql.unsafe(`insert into notes (id, body) overriding system value values (6000, 'a');
    set session_replication_role = replica; delete from notes where id = 6000; set session_replication_role = origin`);
  expect(await stateOf(client.sql`insert into notes (id, body) overriding system value values (6000, 'b')`)).toBe(
    "AC001",
  );
  await client.sql`insert into notes (id, body) overriding system value values (6000, 'a')`;
  await expectIntact(sql);
});

test.each([1, 7, 8, 9, 40])(
  "a commit of %i rows finds the one whose key comes back, with the same contents or with others",
  async (rows) => {
    const { sql, url } = database;
    await using client = connect(url);
    const ids = Array.from({ length: rows }, (_, i) => 10_000 * rows + i);
    const old = ids.at(-1) ?? 0;
    await client.sql.unsafe(`insert into notes (id, body) overriding system value values (${old}, 'a');
    set session_replication_role = replica; delete from notes where id = ${old}; set session_replication_role = origin`);
    const before = await expectIntact(sql);
    const insert = (body: string) =>
      `insert into notes (id, body) overriding system value select n, '${body}' from unnest(array[${ids.join(", ")}]) as n`;
    expect(await stateOf(client.sql.unsafe(insert("b")))).toBe("AC001");
    expect(await expectIntact(sql)).toBe(before);
    await client.sql.unsafe(insert("a"));
    expect(await expectIntact(sql)).toBe(before + rows - 1);
    expect(await sql`select from audit_chain_pending where mode = 'strict'`).toHaveLength(0);
  },
);

test("the doors give back the link that is there, and refuse bad events with a code and no trace", async () => {
  const { sql } = database;
  const before = await expectIntact(sql);
  const [one] = await sql`select (audit_chain_append('door', 'p', sha256('x'))).seq::text`;
  const [two] = await sql`select (audit_chain_append('door', 'p', sha256('x'))).seq::text`;
  expect(two).toEqual(one);
  const bad: [string | null, string | null, string | null, string][] = [
    ["door", "p", "00".repeat(32), "AC001"],
    ["", "p", null, "AC005"],
    [null, "p", null, "AC005"],
    ["k", null, null, "AC005"],
    ["é".repeat(101), "p", null, "AC005"],
    ["k", "é".repeat(1001), null, "AC005"],
    ["k", "p", "00", "22023"],
    ["audit_chain_config", "99", "00".repeat(32), "AC003"],
    ["notes", "1", "00".repeat(32), "AC003"],
    ["tasks:update", "1@3", "00".repeat(32), "AC003"],
  ];
  for (const [kind, pk, hash, code] of bad) {
    const h = hash ?? "11".repeat(32);
    expect([
      `append ${kind}`,
      await stateOf(sql`select audit_chain_append(${kind}, ${pk}, decode(${h}, 'hex'))`),
    ]).toEqual([`append ${kind}`, code]);
    expect([
      `many ${kind}`,
      await stateOf(
        sql`select audit_chain_append_many(array['fine', ${kind}], array['1', ${pk}], array[sha256('x'), decode(${h}, 'hex')])`,
      ),
    ]).toEqual([`many ${kind}`, code]);
    // What is enqueued meets the chain only when it is sealed.
    expect([kind, await stateOf(sql`select audit_chain_enqueue(${kind}, ${pk}, decode(${h}, 'hex'))`)]).toEqual([
      kind,
      code === "AC001" ? undefined : code,
    ]);
  }
  expect(await expectIntact(sql)).toBe(before + 1);
  const many =
    await sql`select seq::int - ${before}::int as n, event_pk from audit_chain_append_many(array['m','m','door','m'], array['b','a','p','b'], array[sha256('1'),sha256('2'),sha256('x'),sha256('1')])`;
  expect(many).toEqual([
    { n: 2, event_pk: "b" },
    { n: 3, event_pk: "a" },
    { n: 1, event_pk: "p" },
    { n: 2, event_pk: "b" },
  ]);
  const longest = await sql`select (audit_chain_append(${"k".repeat(200)}, ${"p".repeat(2000)}, sha256('x'))).seq`;
  expect(longest.length).toBe(1);
  await expectIntact(sql);
});

test.each([
  ["that begin at another number", "'[0:1]={k,k}'::text[]", "'[0:1]={PK1,PK2}'::text[]", "HASHES"],
  ["of two dimensions", "array[array['k'], array['k']]", "array[array['PK1', 'PK2']]", "array[HASHES]"],
  ["of which one begins at another number", "array['k', 'k']", "'[5:6]={PK1,PK2}'::text[]", "HASHES"],
  ["of which one has two dimensions", "array['k', 'k']", "array['PK1', 'PK2']", "array[HASHES]"],
])(
  "the door for many takes arrays %s as they are meant, and links nothing that is not hashed",
  async (shape, ...of) => {
    const { sql } = database;
    const fill = (text: string) => text.replace("PK1", `${shape} 1`).replace("PK2", `${shape} 2`);
    const [kinds, pks, hashes] = of.map((text) => fill(text.replace("HASHES", "array[sha256('1'), sha256('2')]")));
    const call = `select event_kind, event_pk from audit_chain_append_many(${kinds}, ${pks}, ${hashes})`;
    const links = [1, 2].map((n) => ({ event_kind: "k", event_pk: `${shape} ${n}` }));
    const before = await expectIntact(sql);
    expect(await sql.unsafe(call)).toEqual(links);
    expect(await sql.unsafe(call)).toEqual(links);
    expect(await expectIntact(sql)).toBe(before + 2);
  },
);

test("the door for many with nothing to append returns nothing", async () => {
  const { sql } = database;
  const before = await expectIntact(sql);
  expect(await sql`select * from audit_chain_append_many('{}', '{}', '{}')`).toEqual([]);
  expect(await sql`select * from audit_chain_append_many(null, null, null)`).toEqual([]);
  expect(await expectIntact(sql)).toBe(before);
});
