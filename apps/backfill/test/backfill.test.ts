import { blindKey, payloadHash } from "@scidex/audit-core";
import { attach, detach } from "@scidex/audit-schema";
import { createLogin, type TestDatabase } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres, { type Sql } from "postgres";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { backfill, type BackfillOptions } from "../src/index.ts";
import { chainDatabase, chainedKeys, expectCovered, intactChain } from "./fixture.ts";

let database: TestDatabase;
let sql: Sql;
const db = () => drizzle(postgres(database.url, { max: 1, onnotice: () => {}, idle_timeout: 1 }));
const fill = async (options: BackfillOptions = {}) => (await backfill(sql, options)).tables;

beforeEach(async () => {
  database = await chainDatabase();
  ({ sql } = database);
});

afterEach(async () => {
  await database.drop();
});

describe("rows that were there before", () => {
  test("are chained with every kind of key, and the table is complete then", async () => {
    await sql.unsafe(`
      create table big (id bigint primary key, body text);
      insert into big select 9007199254740993 + g * 3, 'b' || g from generate_series(0, 40) as g;
      create table words (word text primary key, n int);
      insert into words values ('', 1), ('x', 2), ('x@y', 3), ('x@1', 4), ('"q"', 5), ('b\\s', 6), ('Ä\u{1f600}', 7), ('it''s', 8);
      create table ids (id uuid primary key, at timestamptz);
      insert into ids select md5(g::text)::uuid, timestamptz '2024-01-01 00:00:00.000001+00' + g * interval '1.000003 s' from generate_series(1, 30) as g;
      create table pairs (kind text, at timestamptz, part int, note text, primary key (kind, at, part));
      insert into pairs select 'k' || g % 3, timestamptz '2024-01-01 00:00:00.123456+00' + g % 5 * interval '1 us', g, null from generate_series(1, 50) as g;
      create table "Odd ""Name" ("seq" int primary key, "event_pk" text, "row_key" text, "n" int, "Col ""x" text);
      insert into "Odd ""Name" select g, 'e', 'r', g, 'c' from generate_series(1, 20) as g;`);
    for (const table of ["big", "words", "ids", "pairs", '"Odd ""Name"']) await attach(db(), table);
    const tables = await fill({ batch: 7 });
    expect(tables.map(({ table, rows, added, complete }) => [table, rows, added, complete])).toEqual([
      ['public."Odd ""Name"', 20, 20, true],
      ["public.big", 41, 41, true],
      ["public.ids", 30, 30, true],
      ["public.pairs", 50, 50, true],
      ["public.words", 8, 8, true],
    ]);
    await expectCovered(sql, { kind: "big", key: ["id"], columns: ["id", "body"] });
    await expectCovered(sql, { kind: "words", key: ["word"], columns: ["word", "n"] });
    await expectCovered(sql, { kind: "ids", key: ["id"], columns: ["id", "at"] });
    await expectCovered(sql, { kind: "pairs", key: ["kind", "at", "part"], columns: ["kind", "at", "part", "note"] });
    const chained = await chainedKeys(sql, "big");
    expect(chained).toEqual(chained.toSorted((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1)));
    const before = await intactChain(sql);
    expect(await fill()).toEqual([]);
    expect((await fill({ tables: ["big", "big", "public.big"] })).map(({ added }) => added)).toEqual([0]);
    expect(await intactChain(sql)).toEqual(before);
  });

  test("are chained oldest first by a column, with equal values by the key, and rows without a value last", async () => {
    await sql.unsafe(`create table t (id int primary key, at timestamptz);
      insert into t select g, case when g % 5 = 0 then null else timestamptz '2024-01-01+00' - g % 7 * interval '1 us' end from generate_series(1, 200) as g;`);
    await attach(db(), "t");
    const order = await sql<{ id: string }[]>`select id::text from t order by t.at, t.id`;
    const [result] = await fill({ orderBy: "at", batch: 9 });
    expect(result).toMatchObject({ added: 200, complete: true });
    expect(await chainedKeys(sql, "t")).toEqual(order.map(({ id }) => id));
  });

  test("can be ordered by a part of the key", async () => {
    await sql.unsafe(`create table t (a int, b int, primary key (a, b));
      insert into t select g % 4, g from generate_series(1, 40) as g`);
    await attach(db(), "t");
    await fill({ orderBy: "b", batch: 6 });
    expect(await chainedKeys(sql, "t")).toEqual(Array.from({ length: 40 }, (_, i) => `["${(i + 1) % 4}","${i + 1}"]`));
  });

  test("are hashed as capture hashes them, whatever the settings of the database are", async () => {
    await sql.unsafe(`create table t (id int primary key, f float8, n numeric, b bytea, ts timestamptz, d date, i interval, ok boolean, c char(5), j jsonb, a text[], noise text);
      insert into t values (1, 0.1::float8 + 0.2, 1.000, '\\x00ff', 'infinity', '0044-03-15 BC', '1 mon -2 days 03:04:05.000006', true, 'ab', '{"b": 1, "a": null}', '{"x y",NULL,"\\"q\\""}', 'n');`);
    const name = `"${database.name}"`;
    await sql.unsafe(`alter database ${name} set timezone = 'Asia/Kathmandu'; alter database ${name} set datestyle = 'German';
      alter database ${name} set intervalstyle = 'iso_8601'; alter database ${name} set bytea_output = 'escape'; alter database ${name} set extra_float_digits = -5;`);
    const strange = postgres(database.url, { max: 1, onnotice: () => {} });
    await attach(drizzle(strange), "t", { mode: "strict", exclude: ["noise"] });
    expect((await backfill(strange)).tables).toMatchObject([{ added: 1, complete: true }]);
    await strange.unsafe("insert into t select 2, f, n, b, ts, d, i, ok, c, j, a, noise from t");
    await strange.end();
    const columns = ["id", "f", "n", "b", "ts", "d", "i", "ok", "c", "j", "a"];
    await expectCovered(sql, { kind: "t", key: ["id"], columns });
  });

  test("are chained while rows are inserted, which their triggers capture", async () => {
    await sql.unsafe("create table t (id int primary key); insert into t select generate_series(1, 2000)");
    await attach(db(), "t", { mode: "strict" });
    const stop = new AbortController();
    const insert = async (from: number): Promise<void> => {
      for (let id = from; !stop.signal.aborted; id += 2) await sql`insert into t values (${id})`;
    };
    const inserting = [insert(10_000), insert(10_001)];
    expect(await fill({ batch: 50 })).toMatchObject([{ complete: true }]);
    stop.abort();
    await Promise.all(inserting);
    await sql`insert into t values (5000)`;
    await expectCovered(sql, { kind: "t", key: ["id"], columns: ["id"] });
  });

  test("of partitions are chained, those of inheritance children are not", async () => {
    await sql.unsafe(`create table p (id int, at date, primary key (id, at)) partition by range (at);
      create table p1 partition of p for values from ('2024-01-01') to ('2025-01-01');
      create table p2 partition of p default;
      insert into p select g, date '2024-06-01' + g * 10 from generate_series(1, 60) as g;
      create table parent (id int primary key); insert into parent select generate_series(1, 5);`);
    await attach(db(), "p");
    await attach(db(), "parent");
    await sql.unsafe("create table child () inherits (parent); insert into child values (100)");
    expect(await fill({ batch: 7 })).toMatchObject([
      { table: "public.p", rows: 60, added: 60, complete: true },
      { table: "public.parent", rows: 5, added: 5, complete: true },
    ]);
    await expectCovered(sql, { kind: "p", key: ["id", "at"], columns: ["id", "at"] });
    await expectCovered(sql, { kind: "parent", key: ["id"], columns: ["id"], from: "only parent" });
  });

  test("of sealed tables that wait for the sealer are not chained twice", async () => {
    await sql.unsafe("create table t (id int primary key); insert into t select generate_series(1, 20)");
    await attach(db(), "t", { mode: "sealed" });
    await sql`insert into t select generate_series(21, 40)`;
    const [result] = await fill({ batch: 6 });
    expect(result).toMatchObject({ rows: 40, unchained: 20, added: 20, complete: true });
    await sql`select audit_chain_seal(1000)`;
    await expectCovered(sql, { kind: "t", key: ["id"], columns: ["id"] });
  });

  test("are 20,000, and two backfills at once chain each of them once", async () => {
    await sql.unsafe(
      "create table t (id int primary key, body text); insert into t select g, md5(g::text) from generate_series(1, 20000) as g",
    );
    await attach(db(), "t");
    const results = (await Promise.all([fill({ batch: 500 }), fill({ batch: 700 })])).flat();
    expect(results.map(({ complete }) => complete)).toEqual([true, true]);
    expect(results.reduce((total, { added }) => total + added, 0)).toBe(20_000);
    await expectCovered(sql, { kind: "t", key: ["id"], columns: ["id", "body"] });
    const recorded = await sql`select action from audit_chain_config where kind = 't' order by id`;
    expect(recorded.map((row) => row["action"])).toEqual(["attach", "complete"]);
  });
});

describe("a table whose keys are blinded", () => {
  test("is chained under the blinded keys, once, by whoever may read its secret", async () => {
    await sql.unsafe(
      "create table t (mail text primary key, n int); insert into t select concat('m', g, '@example.org'), 0 from generate_series(1, 50) as g",
    );
    await attach(db(), "t", { changes: "track", mode: "sealed", blindKey: true });
    await sql`update t set n = 1 where mail in ('m3@example.org', 'm4@example.org')`;
    await sql`select audit_chain_seal(1)`;
    const [result] = await fill({ batch: 7 });
    expect(result).toMatchObject({ rows: 50, unchained: 48, added: 48, complete: true });
    await sql`select audit_chain_seal(100)`;
    const [row] = await sql<{ secret: Uint8Array }[]>`select secret from audit_chain_secret where event_kind = 't'`;
    const secret = row?.secret ?? new Uint8Array(0);
    const mails = Array.from({ length: 50 }, (_, i) => `m${i + 1}@example.org`);
    const plain = mails.filter((mail) => !/^m[34]@/.test(mail)).map((mail) => blindKey(secret, mail));
    expect((await chainedKeys(sql, "t")).toSorted()).toEqual(plain.toSorted());
    expect(await chainedKeys(sql, "t:update")).toHaveLength(2);
    expect(await fill({ dryRun: true, tables: ["t"] })).toMatchObject([{ rows: 50, unchained: 0 }]);
  });
});

test("a table whose payloads are salted is chained with a salt for each row, the one of a row that has changed meanwhile", async () => {
  await sql.unsafe(
    "create table t (id int primary key, v text); insert into t select g, 'x' from generate_series(1, 50) as g",
  );
  await attach(db(), "t", { changes: "track", mode: "strict", salt: true });
  await sql`update t set v = 'y' where id = 3`;
  const [result] = await fill({ batch: 7 });
  expect(result).toMatchObject({ rows: 50, unchained: 49, added: 49, complete: true });
  const rows = await sql<{ id: string; v: string; salt: Uint8Array; hash: Uint8Array }[]>`
    select t.id::text, t.v, s.salt, c.payload_hash as hash from t
      join audit_chain_salt as s on s.event_kind = 't' and s.event_pk = t.id::text
      join audit_chain as c on c.event_kind = case t.id when 3 then 't:update' else 't' end and split_part(c.event_pk, '@', 1) = t.id::text`;
  expect(rows).toHaveLength(50);
  for (const { id, v, salt, hash } of rows) expect(hash).toEqual(Buffer.from(payloadHash({ id, v }, salt)));
  expect(new Set(rows.map(({ salt }) => salt.toString())).size).toBe(50);
});

describe("a tracked table", () => {
  test.each(["strict", "sealed"] as const)(
    "whose rows are changed, deleted and inserted meanwhile (%s): the newest event of each key is its row",
    async (mode) => {
      await sql.unsafe(
        "create table t (id int primary key, n int); insert into t select g, 0 from generate_series(1, 600) as g",
      );
      await attach(db(), "t", { changes: "track", mode });
      const app = postgres(database.url, { max: 5, onnotice: () => {} });
      const stop = new AbortController();
      const change = async (worker: number): Promise<void> => {
        for (let i = 1; !stop.signal.aborted; i++) {
          const id = ((i * 7919 + worker * 131) % 600) + 1;
          await app
            .begin(async (tx) => {
              if (i % 11 === worker) await tx`delete from t where id = ${id}`;
              else await tx`insert into t values (${id}, 1) on conflict (id) do update set n = t.n + 1`;
              if (i % 5 === 0) await tx`update t set n = n + 1 where id = ${601 - id}`;
              if (i % 17 === 0) await tx`savepoint s`;
            })
            .catch((error: unknown) => {
              // Two of these can wait for each other; a deadlock among them is their own.
              if (!String(error).includes("deadlock")) throw error;
            });
        }
      };
      const changing = [0, 1, 2, 3].map(change);
      const [result] = await fill({ batch: 20 });
      stop.abort();
      await Promise.all(changing);
      await app.end();
      expect(result).toMatchObject({ complete: true });
      await sql`select audit_chain_seal(100000)`;
      await expectCovered(sql, { kind: "t", key: ["id"], columns: ["id", "n"] });
    },
  );

  test("whose rows a long transaction is changing is recorded as complete when that has ended", async () => {
    await sql.unsafe(
      "create table t (id int primary key, n int); insert into t select g, 0 from generate_series(1, 30) as g",
    );
    await attach(db(), "t", { changes: "track" });
    const app = postgres(database.url, { max: 1, onnotice: () => {} });
    let filling: Promise<unknown> = Promise.resolve();
    await app.begin(async (tx) => {
      await tx`update t set n = 1 where id in (3, 4)`;
      filling = fill({ batch: 10 });
      while ((await chainedKeys(sql, "t")).length < 30) await new Promise((resolve) => setTimeout(resolve, 20));
    });
    await filling;
    await app.end();
    await expectCovered(sql, { kind: "t", key: ["id"], columns: ["id", "n"] });
    expect(await chainedKeys(sql, "t:update")).toHaveLength(2);
  });

  test("whose row is changed between being read and being linked has the change as its newest event", async () => {
    await sql.unsafe(
      "create table t (id int primary key, n int); insert into t select g, 0 from generate_series(1, 10) as g",
    );
    await attach(db(), "t", { changes: "track", mode: "sealed" });
    const app = postgres(database.url, { max: 1, onnotice: () => {} });
    let filling: Promise<unknown> = Promise.resolve();
    await app.begin(async (tx) => {
      await tx`select audit_chain_append('k', '1', sha256('x'))`;
      filling = fill();
      // It has read the rows, and waits for the chain's lock, which is ours.
      while ((await waiting(sql)) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      await sql`update t set n = 1 where id = 3`;
    });
    await filling;
    await app.end();
    expect(await chainedKeys(sql, "t")).toHaveLength(9);
    await sql`select audit_chain_seal(1000)`;
    await expectCovered(sql, { kind: "t", key: ["id"], columns: ["id", "n"] });
  });

  test("whose keys contain an @ has each row chained, although another row's changes look like its own", async () => {
    await sql.unsafe(
      "create table t (id text primary key, n int); insert into t values ('x', 0), ('x@y', 0), ('x@1', 0)",
    );
    await attach(db(), "t", { changes: "track" });
    await sql`update t set n = 1 where id like 'x@%'`;
    expect(await fill()).toMatchObject([{ unchained: 1, added: 1, complete: true }]);
    await expectCovered(sql, { kind: "t", key: ["id"], columns: ["id", "n"] });
  });
});

describe("a table", () => {
  test("that is complete and has unchained rows is refused without readmit, and recorded with it", async () => {
    await sql.unsafe("create table t (id int primary key); insert into t values (1)");
    await attach(db(), "t");
    await fill();
    await sql.unsafe("alter table t disable trigger all; insert into t values (2); alter table t enable trigger all");
    const before = await intactChain(sql);
    await expect(fill({ tables: ["t"] })).rejects.toMatchObject({ code: "readmit_needed" });
    expect(await fill()).toEqual([]);
    expect(await intactChain(sql)).toEqual(before);
    expect(await fill({ tables: ["t"], readmit: true })).toMatchObject([{ added: 1, complete: true }]);
    await expectCovered(sql, { kind: "t", key: ["id"], columns: ["id"] });
    const recorded = await sql`select action from audit_chain_config where kind = 't' order by id`;
    expect(recorded.map((row) => row["action"])).toEqual(["attach", "complete", "readmit", "complete"]);
    expect(await fill({ tables: ["t"], readmit: true })).toMatchObject([{ added: 0, complete: true }]);
    expect(await sql`select from audit_chain_config where kind = 't'`).toHaveLength(4);
  });

  test("that is only counted stays as it is", async () => {
    await sql.unsafe("create table t (id int primary key); insert into t values (1), (2)");
    await attach(db(), "t");
    const before = await intactChain(sql);
    expect(await fill({ dryRun: true })).toMatchObject([{ rows: 2, unchained: 2, added: 0, complete: false }]);
    expect(await intactChain(sql)).toEqual(before);
  });

  test("that is attached anew with other columns meanwhile has each row hashed under what is in force", async () => {
    await sql.unsafe(
      "create table t (id int primary key, body text); insert into t select g, 'b' || g from generate_series(1, 400) as g",
    );
    await attach(db(), "t", { exclude: ["body"] });
    let again: Promise<unknown> | undefined;
    await fill({
      batch: 20,
      onProgress: ({ added }) => {
        if (added > 50) again ??= attach(db(), "t", { exclude: [] });
      },
    });
    await again;
    const configs = await sql<{ seq: string; body: boolean }[]>`
      select l.seq::text, 'body' = any (c.columns) as body from audit_chain_config as c
        join audit_chain as l on l.event_kind = 'audit_chain_config' and l.event_pk = c.id::text where c.kind = 't' order by c.id`;
    const { payloadHash } = await import("@scidex/audit-core");
    for (const link of await intactChain(sql)) {
      if (link.eventKind !== "t") continue;
      const inForce = configs.findLast(({ seq }) => BigInt(seq) < link.seq);
      const payload = inForce?.body === true ? { id: link.eventPk, body: `b${link.eventPk}` } : { id: link.eventPk };
      expect([link.eventPk, link.payloadHash]).toEqual([link.eventPk, payloadHash(payload)]);
    }
    expect(await chainedKeys(sql, "t")).toHaveLength(400);
  });

  test("that cannot be chained is an error with a code of its own", async () => {
    await expect(fill({ tables: ["nowhere"] })).rejects.toMatchObject({ code: "unknown_table" });
    await sql.unsafe("create table t (id int primary key, body text); insert into t values (1, 'a')");
    await expect(fill({ tables: ["t"] })).rejects.toMatchObject({ code: "not_attached" });
    await attach(db(), "t");
    await expect(fill({ orderBy: "nowhere" })).rejects.toMatchObject({ code: "unknown_column" });
    await sql`alter table t rename column body to text`;
    await expect(fill()).rejects.toMatchObject({ code: "columns_changed" });
    await attach(db(), "t");
    expect(await fill()).toMatchObject([{ added: 1, complete: true }]);
    await detach(db(), "t");
    await expect(fill({ tables: ["t"] })).rejects.toMatchObject({ code: "not_attached" });
  });

  test("under row security that hides rows from the login is an error, not fewer rows", async () => {
    await sql.unsafe("create table t (id int primary key); insert into t select generate_series(1, 10)");
    await attach(db(), "t");
    await sql.unsafe("alter table t enable row level security; create policy few on t using (id < 5)");
    const login = await createLogin(sql, { grant: ["scidex_audit_inspector"] });
    const limited = postgres(login.url, { max: 1, onnotice: () => {} });
    await expect(backfill(limited)).rejects.toMatchObject({ code: "no_right" });
    await limited.end();
    expect(await chainedKeys(sql, "t")).toEqual([]);
    await login.drop();
  });
});

/** How many sessions wait in the middle of a batch. */
async function waiting(sql: Sql): Promise<number> {
  const rows = await sql`select from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and query like 'WITH page%'`;
  return rows.length;
}
