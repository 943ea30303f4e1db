import { setTimeout as sleep } from "node:timers/promises";
import { createLogin } from "@scidex/audit-testkit";
import { migrate } from "@scidex/audit-schema";
import { createDatabase, testServer } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { describe, expect, it, onTestFinished } from "vitest";
import { append, chainOf, type ChainDatabase, now, openChain, recompute, verifyAsked } from "./chain-database.ts";
import type { VerificationReport } from "../src/index.ts";

function expectClean(report: VerificationReport): void {
  expect([report.divergences, report.unproven]).toEqual([[], []]);
  expect(report.status).toBe("intact");
}

const VALUES: readonly (readonly [type: string, ...values: string[]])[] = [
  ["smallint", "'-32768'"],
  ["bigint", "9223372036854775807"],
  ["numeric", "123456789012345678901234567890123456789012345678901234567890.000", "'NaN'", "'-Infinity'", "0.000"],
  ["numeric(10,3)", "1.5"],
  ["real", "'-0'", "1.1", "'NaN'"],
  ["double precision", "0.1", "1e300", "'Infinity'", "'-0'"],
  ["money", "12.34"],
  ["boolean", "true", "false"],
  ['"char"', "'x'"],
  ["char(5)", "'ab'"],
  ["varchar(9)", "'äöü'"],
  ["name", "'n'"],
  ["text", "''", "E'a\\tb\\nc\\\\d\"\\b\\f\\r\\v\\x7f'", "U&'\\+01F600\\FFFF\\E000'", "'\\N'"],
  ["bytea", "'\\x00ff'", "''"],
  ["bit(3)", "B'101'"],
  ["bit varying", "B''"],
  ["uuid", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"],
  ["date", "'infinity'", "'0044-03-15 BC'"],
  ["time", "'24:00:00'"],
  ["timetz", "'12:00:00+05:30'"],
  ["timestamp", "'0001-01-01 BC'", "'294276-12-31 23:59:59.999999'"],
  ["timestamptz", "'-infinity'", "'2026-03-29 02:30:00+02'"],
  ["interval", "'1 year -2 days 03:04:05.000006'", "'-1 mon'"],
  ["json", '\'{"b": 1, "b": 2 , "a":"\\u0000"}\'', "'null'"],
  ["jsonb", '\'{"": [1.10, null], "\\u20ac": "x"}\'', "'null'"],
  ["xml", "'<a>b</a>'"],
  ["inet", "'::1/64'"],
  ["cidr", "'10.0.0.0/8'"],
  ["macaddr", "'08:00:2b:01:02:03'"],
  ["point", "'(1.5,-0)'"],
  ["box", "'((1,2),(3,4))'"],
  ["path", "'[(0,0),(1,1)]'"],
  ["int[]", "'{{1,2},{3,NULL}}'", "'{}'"],
  ["text[]", "ARRAY['a,b', 'NULL', NULL, '\"']"],
  ["int4range", "'[1,5)'", "'empty'"],
  ["tstzrange", "'[2020-01-01 00:00+00,infinity)'"],
  ["int4multirange", "'{[1,2),[5,7)}'"],
  ["tsvector", "'a:1A b'"],
  ["tsquery", "'a & !b'"],
  ["pg_lsn", "'16/B374D848'"],
  ["regclass", "'pg_catalog.pg_class'"],
  ["xid8", "'12345678901'"],
  ["public.mood", "'so \"so'"],
  ["public.email", "'a@b'"],
  ["public.pair", "'(1,\"x, y\")'", "'(,)'"],
  ["public.pair[]", "ARRAY['(1,a)'::public.pair]"],
  ["public.span", "'[a,c]'"],
];

const TYPES = `
  create type public.mood as enum ('ok', 'so "so');
  create domain public.email as text check (value like '%@%');
  create type public.pair as (a int, "B b" public.mood_text);
  create type public.span as range (subtype = text);`.replace("public.mood_text", "text");

async function allTypes(chain: ChainDatabase, changes: string): Promise<void> {
  await chain.sql.unsafe(TYPES);
  const columns = VALUES.map(([type], i) => `c${i} ${type}`).join(", ");
  await chain.sql.unsafe(
    `create table public.everything (id int primary key, ${columns}); select public.audit_chain_attach('public.everything', mode => 'strict', changes => '${changes}')`,
  );
  const most = Math.max(...VALUES.map((values) => values.length - 1));
  for (let row = 0; row <= most; row++) {
    const texts = VALUES.map(([type, ...values]) => (values[row] === undefined ? "null" : `${values[row]}::${type}`));
    await chain.sql.unsafe(`insert into public.everything values (${row}, ${texts.join(", ")})`);
  }
}

describe("no false alarms", () => {
  it.each(["refuse", "track"])("with every type, in a table that has its changes %sed", async (changes) => {
    const chain = await openChain();
    await allTypes(chain, changes);
    if (changes === "track") await chain.sql`update public.everything set c1 = 1, c12 = 'x' where id = 1`;
    await chain.publish();
    expectClean(await chain.verify({ checks: undefined }));
  });

  it("with any setting of the database, of the role, and of the writers", async () => {
    const chain = await openChain();
    const settings = [
      ["TimeZone", "Asia/Kathmandu"],
      ["DateStyle", "SQL, DMY"],
      ["IntervalStyle", "iso_8601"],
      ["bytea_output", "escape"],
      ["extra_float_digits", "-15"],
      ["lc_monetary", "C"],
      ["quote_all_identifiers", "on"],
      ["search_path", "nowhere"],
      ["default_transaction_isolation", "serializable"],
      ["default_transaction_deferrable", "on"],
      ["row_security", "on"],
      ["lock_timeout", "50"],
      ["enable_seqscan", "off"],
      ["enable_sort", "off"],
      ["work_mem", "64"],
      ["xmlbinary", "hex"],
      ["idle_in_transaction_session_timeout", "50"],
      ["transform_null_equals", "on"],
      ["statement_timeout", "1000"],
      ["client_encoding", "LATIN1"],
      ["jit_above_cost", "0"],
    ] as const;
    for (const [name, value] of settings)
      await chain.sql.unsafe(
        `alter database ${chain.name} set "${name}" = '${value}'`
          .replace("'nowhere'", "nowhere")
          .replace("'SQL, DMY'", "SQL, DMY"),
      );
    const client = postgres(chain.url, { max: 4, fetch_types: false, onnotice: () => {} });
    onTestFinished(async () => await client.end({ timeout: 0 }));
    const fresh = chainOf({ ...chain, sql: client }, chain.folder);
    expect(await client`show "IntervalStyle"`).toEqual([{ IntervalStyle: "iso_8601" }]);
    await client`set default_transaction_isolation = 'read committed'`;
    await client.begin(async (tx) => {
      await tx`set transaction isolation level read committed`;
      await allTypes({ ...fresh, sql: tx as unknown as ChainDatabase["sql"] }, "refuse");
    });
    await chain.publish();
    expectClean(await fresh.verify());
    expectClean(await chain.verify());
  });

  it("while sixteen connections write in all modes, a sealer runs, tables are rewritten and partitions attached", async () => {
    const chain = await openChain();
    await chain.sql.unsafe(`
      create table public.strict (id bigserial primary key, body text, n int);
      create table public.sealed (id bigserial primary key, body text, n int);
      create table public.tracked (id int primary key, n int not null);
      create table public.parts (id bigserial, day int, body text, primary key (id, day)) partition by range (day);
      create table public.parts_0 partition of public.parts for values from (0) to (5);
      select public.audit_chain_attach('public.strict', mode => 'strict');
      select public.audit_chain_attach('public.sealed', mode => 'sealed');
      select public.audit_chain_attach('public.tracked', changes => 'track', mode => 'sealed');
      select public.audit_chain_attach('public.parts', mode => 'strict')`);
    await chain.sql`insert into public.tracked select n, 0 from generate_series(1, 50) as n`;
    await chain.sql`insert into public.strict (body) select 'x' from generate_series(1, 2000)`;
    await chain.publish();
    const writers = postgres(chain.url, { max: 18, fetch_types: false, onnotice: () => {} });
    onTestFinished(async () => await writers.end({ timeout: 0 }));
    let stop = false;
    const until = async (work: () => Promise<unknown>) => {
      while (!stop)
        await work().catch((error: unknown) => {
          if (!/could not serialize|deadlock|canceling statement/u.test(String(error))) throw error;
        });
    };
    const pick = (n: number) => Math.floor(Math.random() * n);
    const running = [
      ...Array.from({ length: 4 }, () =>
        until(
          async () =>
            await writers`insert into public.strict (body) select 'w' from generate_series(1, ${pick(5)}::int)`,
        ),
      ),
      ...Array.from({ length: 4 }, () =>
        until(async () => await writers`insert into public.sealed (body) values ('s'), ('t')`),
      ),
      ...Array.from({ length: 4 }, () =>
        until(async () => await writers`update public.tracked set n = n + 1 where id = ${1 + pick(50)}::int`),
      ),
      until(async () => {
        const id = 51 + pick(20);
        await writers.begin(async (tx) => {
          await tx`insert into public.tracked values (${id}, 1) on conflict (id) do update set n = 5`;
          await tx`delete from public.tracked where id = ${id}`;
        });
      }),
      until(async () => await writers`insert into public.parts (day, body) values (${pick(5)}, 'p')`),
      until(async () => {
        await writers`select public.audit_chain_seal(500)`;
        await sleep(20);
      }),
    ];
    let days = 5;
    const ddl = until(async () => {
      const type = days % 2 === 0 ? "int" : "bigint";
      await writers.unsafe(
        `set lock_timeout = '500ms'; alter table public.strict alter n type ${type}; alter table public.tracked alter n type ${type}; reset lock_timeout`,
      );
      await writers.unsafe(
        `create table public.parts_${days} (like public.parts including all); alter table public.parts attach partition public.parts_${days} for values from (${days}) to (${days + 1})`,
      );
      days++;
      await sleep(100);
    });
    const reports: VerificationReport[] = [];
    const end = Date.now() + 12_000;
    while (Date.now() < end) {
      reports.push(await chain.verify());
      await chain.publish();
    }
    stop = true;
    await Promise.all([...running, ddl]);
    expect(reports.flatMap(({ divergences }) => divergences.slice(0, 3))).toEqual([]);
    await chain.sql.unsafe(
      "select public.audit_chain_attach('public.strict'); select public.audit_chain_attach('public.tracked')",
    );
    await chain.sql`select public.audit_chain_seal(1000000)`;
    const after = await chain.verify();
    expect(after.divergences).toEqual([]);
  }, 120_000);

  it("of a table attached with rows in it: unproven until the backfill has finished", async () => {
    const chain = await openChain();
    await chain.sql.unsafe(`
      create table public.old (id int primary key, body text);
      insert into public.old select n, 'x' from generate_series(1, 4) as n;
      select public.audit_chain_attach('public.old', mode => 'strict');
      insert into public.old values (5, 'x')`);
    await chain.publish();
    const adopt = async (...ids: number[]) =>
      await chain.sql`select public.audit_chain_adopt('old', array(select id::text from public.old where id = any (${`{${ids.join()}}`}::int[]) order by id),
        array(select sha256(convert_to('{"body":"x","id":"' || id || '"}', 'UTF8')) from public.old where id = any (${`{${ids.join()}}`}::int[]) order by id))`;
    const look = async () => {
      const { status, divergences } = await chain.verify();
      return [status, divergences.length];
    };
    expect(await look()).toEqual(["unproven", 0]);
    await adopt(1, 2);
    expect(await look()).toEqual(["unproven", 0]);
    await adopt(3, 4);
    await chain.sql`select public.audit_chain_complete('public.old')`;
    expect(await look()).toEqual(["intact", 0]);
    await chain.attack("insert into public.old values (6, 'past')");
    expect(await look()).toEqual(["tampered", 1]);
  });

  it("of schema changes, each with sync in its transaction: clean where rows can be recomputed, else unproven or said", async () => {
    const chain = await openChain();
    await chain.sql
      .unsafe(`create type public.m as enum ('a', 'b'); create table public.t (id int primary key, a text, b numeric(8, 2), c public.m, d text); select public.audit_chain_attach('public.t', mode => 'strict');
      insert into public.t values (1, 'x', 1.5, 'a', 'd')`);
    await chain.publish();
    const after = async (...statements: string[]) => {
      await chain.sql.unsafe([...statements, "select public.audit_chain_sync('public.t')"].join(";"));
      const report = await chain.verify();
      return [
        ...new Set([
          ...report.divergences.map(({ check }) => check),
          ...(report.unproven.length > 0 ? ["unproven"] : []),
        ]),
      ];
    };
    expect(await after("alter table public.t add column e text default 'e'")).toEqual([]);
    expect(await after("insert into public.t (id, e) values (3, 'f')")).toEqual([]);
    expect(await after("alter table public.t add column g int generated always as (length(d)) stored")).toEqual([]);
    expect(await after("alter table public.t alter id type bigint")).toEqual([]);
    expect(await after("alter table public.t alter b type numeric(8, 4)")).toEqual([]);
    expect(await after("alter type public.m add value 'c'")).toEqual([]);
    expect(await after("alter table public.t add column h text", "alter table public.t drop column h")).toEqual([]);
    // Said until they are approved, and no row is accused.
    const said = ["coverage_narrowed"];
    expect(await after("alter table public.t rename column a to a2")).toEqual(said);
    expect(await after("alter type public.m rename value 'a' to 'z'")).toEqual(said);
    expect(await after("alter type public.m rename value 'z' to 'a'")).toEqual(said);
    expect(await after("alter table public.t drop column g, drop column d")).toEqual([...said, "unproven"]);
  });

  it("of excluded columns that change, where the policy allows it", async () => {
    const chain = await openChain();
    await chain.sql.unsafe(
      `create table public.t (id int primary key, body text, noise int); select public.audit_chain_attach('public.t', mode => 'strict', exclude => array['noise']); insert into public.t values (1, 'x', 1); update public.t set noise = 2`,
    );
    await chain.publish();
    expectClean(await chain.verify());
  });

  it("of a table under row security: unproven for the inspector, clean for a superuser", async () => {
    const chain = await openChain();
    await chain.sql.unsafe(
      `create table public.secret (id int primary key, owner text); select public.audit_chain_attach('public.secret', mode => 'strict'); insert into public.secret values (1, 'x'); alter table public.secret enable row level security`,
    );
    await chain.publish();
    const login = await createLogin(chain.sql, { grant: ["scidex_audit_inspector"] });
    const client = postgres(login.url, { max: 2, fetch_types: false, onnotice: () => {} });
    onTestFinished(async () => {
      await client.end({ timeout: 0 });
      await login.drop();
    });
    expect((await verifyAsked(client, chain.asked)).report).toMatchObject({ status: "unproven", divergences: [] });
    expectClean(await chain.verify());
    await chain.sql`alter table public.secret disable row level security`;
    expectClean((await verifyAsked(client, chain.asked)).report);
    // C11: a right is revoked.
    await chain.sql`revoke select on public.secret from scidex_audit_inspector`;
    expect((await verifyAsked(client, chain.asked)).report).toMatchObject({ status: "unproven", divergences: [] });
    await chain.sql`revoke select on public.audit_chain_config from scidex_audit_inspector`;
    expect((await verifyAsked(client, chain.asked)).report).toMatchObject({
      checks: { links: "ok", heads: "ok", sources: "unproven", coverage: "unproven" },
    });
    await chain.sql`revoke select on public.audit_chain from scidex_audit_inspector`;
    expect((await verifyAsked(client, chain.asked)).report).toMatchObject({
      status: "unproven",
      checks: { links: "unproven" },
    });
    await chain.sql`revoke usage on schema public from public`;
    expect((await verifyAsked(client, chain.asked)).report).toMatchObject({ status: "unproven", divergences: [] });
  });

  it.each([
    ["WIN1252", "C", ["€", "é", "ÿ", "™", "a"]],
    ["UTF8", "en-x-icu", ["\u{10000}", "\uffff", "\ue000", "a", "B", "b", "é", "@", "a@1", "\u0001"]],
  ])("in a database in %s with the order of %s", async (encoding, locale, keys) => {
    const server = await testServer();
    const admin = postgres(server.url, { max: 1, fetch_types: false, onnotice: () => {} });
    const name = `test_encoding_${encoding.toLowerCase()}_${process.pid}`;
    const how = locale === "C" ? "lc_collate 'C' lc_ctype 'C'" : "locale_provider icu icu_locale 'en' locale 'C'";
    await admin.unsafe(`create database ${name} encoding '${encoding}' template template0 ${how}`);
    const url = new URL(server.url);
    url.pathname = `/${name}`;
    const sql = postgres(url.href, { max: 4, fetch_types: false, onnotice: () => {} });
    onTestFinished(async () => {
      await sql.end({ timeout: 0 });
      await admin.unsafe(`drop database ${name} with (force)`);
      await admin.end();
    });
    await migrate(drizzle(sql));
    const other = await openChain();
    const chain = chainOf({ sql, url: url.href, name }, other.folder);
    await sql`create table public.words (id text primary key, body text)`;
    await sql`select public.audit_chain_attach('public.words', mode => 'strict', changes => 'track')`;
    for (const key of keys) await sql`insert into public.words values (${key}, ${key})`;
    await sql`update public.words set body = 'changed' where id <> 'a'`;
    for (const key of keys) await append(sql, `kind ${key}`, key);
    await chain.publish();
    expectClean(await chain.verify());
    await chain.attack(`update public.words set body = 'evil' where id = '${keys[1]}'`);
    expect((await chain.verify()).divergences).toEqual([expect.objectContaining({ check: "source_edited" })]);
  });

  it("of a week without anything new, and of a row that a long transaction linked before a head was signed", async () => {
    const chain = await openChain();
    await append(chain.sql, "thing", "1");
    await chain.attack(`update public.audit_chain set appended_at = appended_at - interval '7 days'; ${recompute(1)}`);
    for (let hour = 7 * 24; hour >= 0; hour -= 12) await chain.publish({ time: now() - hour * 3600 });
    expectClean(await chain.verify());
    const other = postgres(chain.url, { max: 1, fetch_types: false });
    onTestFinished(async () => await other.end({ timeout: 0 }));
    await other.unsafe("begin");
    await append(other, "thing", "2");
    await sleep(1100);
    await chain.publish();
    expectClean(await chain.verify());
    await other.unsafe("commit");
    expectClean(await chain.verify());
  });

  it("of an index that is not used yet, since a transaction is older than it", async () => {
    const chain = await openChain();
    await chain.sql.unsafe(`create table public.jobs (id int primary key, name text);
      select public.audit_chain_attach('public.jobs', 'strict', 'track')`);
    await chain.sql`insert into public.jobs values (1, 'a'), (2, 'b')`;
    await chain.publish();
    const other = postgres(chain.url, { max: 1, fetch_types: false });
    onTestFinished(async () => await other.end({ timeout: 0 }));
    await other.unsafe("begin isolation level repeatable read; select pg_current_xact_id()");
    await chain.sql`update public.jobs set name = 'c' where id = 1`;
    await chain.sql.unsafe(
      "alter table public.jobs drop constraint jobs_pkey; alter table public.jobs add primary key (id)",
    );
    const [index] =
      await chain.sql`select indcheckxmin as waits from pg_index where indrelid = 'public.jobs'::regclass`;
    expect(index).toEqual({ waits: true });
    const { divergences } = await chain.verify();
    expect(divergences).toEqual([]);
    await other.unsafe("commit");
    expectClean(await chain.verify());
  });

  it("of kinds and keys that only look like a change", async () => {
    const chain = await openChain();
    await append(chain.sql, "thing.update", "1", "2@1", "@", "a@2");
    await append(chain.sql, "thing", "@", "1@2", "");
    await createDatabase().then(async (database) => await database.drop());
    await chain.publish();
    expectClean(await chain.verify());
  });
});
