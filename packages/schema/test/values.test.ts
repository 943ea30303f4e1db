import { afterAll, beforeAll, expect, test } from "vitest";
import { attach } from "../src/index.ts";
import { chainDatabase, connect, stateOf } from "./database.ts";
import { expectChained, quote } from "./recompute.ts";
import { fillRows, OWN_TYPES, VALUES } from "./type-values.ts";

let database: Awaited<ReturnType<typeof chainDatabase>>;
beforeAll(async () => {
  database = await chainDatabase();
  await database.sql.unsafe(OWN_TYPES);
});
afterAll(async () => database.drop());

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
      await sql.unsafe("drop schema if exists v cascade; create schema v");
      const rows = await fillRows(sql, "v");
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
      expect(await expectChained(sql, kind)).toBe(rows + 1);
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
