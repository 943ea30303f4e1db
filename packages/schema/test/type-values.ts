import type { Sql } from "postgres";

/** Types of the tests' own: an extension's, an enum, domains, composites, a range. */
export const OWN_TYPES = `
    create extension if not exists hstore;
    create type mood as enum ('sad', 'o''k "so"', 'très');
    create domain positive as numeric(70, 10) check (value > 0);
    create domain words as text[];
    create type point3 as (x numeric, y text, z mood);
    create type pair as (a point3, b int[]);
    create type span as range (subtype = numeric);`;

/** SQL values of each type: everything that has a text of its own. */
export const VALUES: Readonly<Record<string, readonly string[]>> = {
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

/**
 * Makes two tables with a column of each type, `filled` and `rows`, and fills the first: a row for each value of the type
 * that has most, and one of NULLs. Returns how many rows that is.
 */
export async function fillRows(sql: Sql, schema: string): Promise<number> {
  const types = Object.keys(VALUES);
  await sql.unsafe(`create table ${schema}.filled (id bigint primary key, ${types.map((t, i) => `c${i} ${t}`).join(", ")});
    create table ${schema}.rows (like ${schema}.filled including all)`);
  const rows = Math.max(...Object.values(VALUES).map((v) => v.length));
  for (let row = 0; row < rows + 1; row++) {
    const values = types.map((t) => (row === rows ? "null" : (VALUES[t]?.[row] ?? "null")));
    await sql.unsafe(
      `insert into ${schema}.filled values (${row}, ${values.map((v, i) => (v === "null" ? v : `(${v})::${types[i]}`)).join(", ")})`,
    );
  }
  return rows + 1;
}
