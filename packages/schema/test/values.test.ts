import { afterAll, beforeAll, expect, test } from "vitest";
import { attach } from "../src/index.ts";
import { chainDatabase, connect, stateOf } from "./database.ts";
import { expectChained, quote } from "./recompute.ts";

let database: Awaited<ReturnType<typeof chainDatabase>>;
beforeAll(async () => {
  database = await chainDatabase();
  await database.sql.unsafe(`
    create extension if not exists hstore;
    create type mood as enum ('sad', 'o''k "so"', 'très');
    create domain positive as numeric(70, 10) check (value > 0);
    create domain words as text[];
    create type point3 as (x numeric, y text, z mood);
    create type pair as (a point3, b int[]);
    create type span as range (subtype = numeric);`);
});
afterAll(async () => database.drop());

/** SQL values of each type: everything that has a text of its own. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  boolean: ["true", "false"],
  '"char"': ["'a'"],
  "char(7)": ["'ab'", "''"],
  name: ["'nn'"],
  text: [
    "''",
    "' '",
    "'NULL'",
    `E'tab\\tnewline\\nreturn\\rfeed\\fbell\\u0007back\\b\\x7f quote" back\\\\slash /'`,
    "'ünïcödé'",
    "U&'\\+01F600 \\+01D4B3 \\FFFD \\+10FFFF \\2028 \\2029 \\0085'",
    "'\\N'",
  ],
  "varchar(20)": ["'x'"],
  smallint: ["-32768"],
  bigint: ["9223372036854775807", "-9223372036854775808"],
  numeric: [
    "123456789012345678901234567890.123456789012345678901234567890",
    "-0",
    "0.000",
    "1.0",
    "1.000",
    "'NaN'",
    "'Infinity'",
    "'-Infinity'",
    "1e-300",
  ],
  positive: ["12.5"],
  "double precision": [
    "'-0'",
    "'NaN'",
    "'Infinity'",
    "'-Infinity'",
    "0.1",
    "1e308",
    "5e-324",
    "1.7976931348623157e308",
  ],
  real: ["'-0'", "0.1", "1e-45", "16777217"],
  money: ["1234.56", "-0.01"],
  timestamptz: [
    "'2026-03-29 02:30:00+05'",
    "'0044-03-15 12:00:00+00 BC'",
    "'infinity'",
    "'-infinity'",
    "'294276-12-31 23:59:59.999999+00'",
  ],
  timestamp: ["'2026-01-02 03:04:05.123456'", "'4713-01-01 00:00:00 BC'"],
  date: ["'0001-01-01 BC'", "'infinity'", "'5874897-12-31'"],
  "time with time zone": ["'23:59:60+15:59'"],
  interval: ["'1 year -2 months 3 days -04:05:06.789'", "'-1 day'", "'0'", "'178000000 years'"],
  bytea: ["'\\x00ff5c27'", "''"],
  "int[]": ["'{}'", "'{1,NULL,-3}'", "'[2:3]={7,8}'", "'{{1,2},{3,4}}'"],
  "text[]": [`array['a,b', 'c"d', 'e\\f', '', null, 'NULL']`],
  "timestamptz[]": ["array['2026-03-29 02:30:00+05'::timestamptz]"],
  words: ["array['x']"],
  mood: [`'o''k "so"'`, "'très'"],
  "mood[]": ["array['sad', 'très']::mood[]"],
  point3: ["row(1.50, 'a \"q\" \\ ,)', 'sad')", "row(null, null, null)", "row(null, '', null)"],
  pair: ["row(row(1, 'x', null)::point3, array[1, 2])"],
  span: ["'[1.0,2.50)'", "'empty'", "'(,)'"],
  tstzrange: ["'[2026-01-01 00:00+05, infinity)'"],
  int4multirange: ["'{[1,3), [5,7)}'"],
  json: [`'{"b": 1, "a": null, "a": "\\u0041", "é 😀": [1.0, 1e2]}'`, "'null'"],
  jsonb: [`'{"b": 1, "a": null, "é 😀": [1.0, 1e2], "": {}}'`, "'null'"],
  uuid: ["'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'"],
  inet: ["'::ffff:1.2.3.4/120'"],
  macaddr: ["'08-00-2b-01-02-03'"],
  "bit varying": ["B'10110'"],
  point: ["'(1.5,-0)'"],
  tsvector: ["'a fat cat:3A'"],
  xid8: ["'18446744073709551615'"],
  pg_lsn: ["'16/B374D848'"],
  hstore: [`'"k 1"=>"v\\"", x=>NULL'`],
};

const SESSIONS: Readonly<Record<string, string>> = {
  "the default settings": "",
  "every output setting turned": `set timezone = 'America/St_Johns'; set datestyle = 'SQL, DMY'; set intervalstyle = 'iso_8601';
     set bytea_output = 'escape'; set extra_float_digits = -15; set quote_all_identifiers = on; set client_encoding = 'LATIN1';
     set search_path = pg_temp; set lc_monetary = 'C.UTF-8'; set xmlbinary = 'hex'`,
  "German dates, verbose intervals, old string constants and strict PL/pgSQL": `set datestyle = 'German, YMD'; set intervalstyle = 'postgres_verbose';
     set timezone = 'Asia/Kathmandu'; set search_path = pg_temp, "$user"; set standard_conforming_strings = off; set escape_string_warning = off;
     set backslash_quote = on; set transform_null_equals = on; set row_security = off; set "plpgsql.extra_errors" = 'all'; set array_nulls = on;
     set extra_float_digits = 3; set enable_seqscan = off; set plan_cache_mode = force_generic_plan; set default_transaction_isolation = 'serializable'`,
};

for (const [session, settings] of Object.entries(SESSIONS)) {
  for (const [mode, changes] of [
    ["sealed", "refuse"],
    ["strict", "track"],
  ] as const) {
    test(`every type is hashed as COPY prints it under ${session}: ${mode}, ${changes}`, async () => {
      const { sql, db, url } = database;
      const types = Object.keys(VALUES);
      await sql.unsafe(`drop schema if exists v cascade; create schema v;
        create table v.filled (id bigint primary key, ${types.map((t, i) => `c${i} ${t}`).join(", ")});
        create table v.rows (like v.filled including all)`);
      const rows = Math.max(...Object.values(VALUES).map((v) => v.length));
      for (let row = 0; row < rows + 1; row++) {
        const values = types.map((t) => (row === rows ? "null" : (VALUES[t]?.[row] ?? "null")));
        await sql.unsafe(
          `insert into v.filled values (${row}, ${values.map((v, i) => (v === "null" ? v : `(${v})::${types[i]}`)).join(", ")})`,
        );
      }
      const kind = `rows-${mode}-${Object.keys(SESSIONS).indexOf(session)}`;
      await attach(db, "v.rows", { mode, changes, kind });
      {
        await using other = connect(url);
        await other.sql.unsafe(settings);
        await other.sql.unsafe("insert into v.rows select * from v.filled");
        await other.sql.unsafe(
          "insert into v.rows select 100 + f.id, " +
            types.map((_, i) => `f.c${i}`).join(", ") +
            " from v.filled f where id = 0",
        );
      }
      expect(await expectChained(sql, kind)).toBe(rows + 2);
    });
  }
}

test("column names can be anything, also what the capture function calls its own parts", async () => {
  const { sql, db } = database;
  const names = [
    ..."n r k id row_key missing covered event source payload pk old_payload new_payload old_key new_key relid tg_op tg_relid".split(
      " ",
    ),
    ..."new old found audit_chain_new audit_chain_capture audit_chain mode op event_kind event_pk payload_hash select from user null".split(
      " ",
    ),
    'a"b',
    "it's",
    "back\\slash",
    "ünï",
    "𝒳 beyond the BMP",
    "\uffee below it",
    "\u0001",
    "two\nlines",
    "%s %1$L %I",
    "$1",
    "c%",
    "Upper",
  ];
  for (const [changes, mode] of [
    ["refuse", "sealed"],
    ["track", "strict"],
  ] as const) {
    await sql.unsafe(
      `drop table if exists public.odd; create table public.odd (${names.map((n) => `${quote(n)} text`).join(", ")}, primary key (id, pk, tg_relid))`,
    );
    await attach(db, "public.odd", { changes, mode, kind: `odd ${changes}` });
    await sql.unsafe(
      `insert into public.odd select ${names.map((_, i) => `'v${i} ' || g`).join(", ")} from generate_series(1, 3) as g`,
    );
    await sql.unsafe(`insert into public.odd (id, pk, tg_relid) values ('', '"', '\\')`);
    expect(await expectChained(sql, `odd ${changes}`)).toBe(4);
    const state = await stateOf(sql`update public.odd set "tg_op" = 'x' where tg_relid = ${"\\"}`);
    await sql`select audit_chain_seal(1000)`;
    const [row] = await sql`select count(*)::int as n from audit_chain where event_kind = ${`odd ${changes}:update`}`;
    expect([changes, state, row?.["n"]]).toEqual(
      changes === "refuse" ? ["refuse", "AC004", 0] : ["track", undefined, 1],
    );
  }
});

for (const width of [99, 100, 101, 151, 1600]) {
  test(`a table of ${width} columns is captured whole`, async () => {
    const { sql, db } = database;
    const columns = Array.from({ length: width - 1 }, (_, i) => `c${i}`);
    await sql.unsafe(
      `create table wide${width} (id int primary key, ${columns.map((c) => `${c} smallint`).join(", ")})`,
    );
    await attach(db, `wide${width}`, { mode: width % 2 === 0 ? "strict" : "sealed" });
    await sql.unsafe(
      `insert into wide${width} select g, ${columns.map((_, i) => (i % 7 === 3 ? "null" : `${i % 100}`)).join(", ")} from generate_series(1, 3) as g`,
    );
    expect(await expectChained(sql, `wide${width}`)).toBe(3);
    expect(await sql.unsafe(`update wide${width} set c7 = 6 where id = 1`).catch((e: { code: string }) => e.code)).toBe(
      "AC004",
    );
  });
}
