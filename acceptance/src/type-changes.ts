// Changes of a column's type whose old texts follow from the new ones, each with values of the old type.
import type * as fc from "fast-check";
import {
  first,
  smallints,
  integers,
  integers4,
  bigints,
  cents,
  anyText,
  texts,
  labels,
  shortTexts,
  reals,
  dates,
  stamps,
  clocks,
  zoned,
  uuids,
  bits,
  arrayOf,
  cidrs,
} from "./type-change-values.ts";

/** A change of the column `c`, and what stood in it. */
export interface TypeChangeCase {
  readonly before: string;
  /** The new type; without it, `by` makes the change. */
  readonly now?: string;
  readonly using?: string;
  /** Statements that change the type of the column. */
  readonly by?: string;
  readonly zone?: string;
  readonly labels?: ReadonlyMap<string, string>;
  /** Values at the edges, which also say what the change is about. */
  readonly values: readonly string[];
  readonly more?: fc.Arbitrary<string>;
  /** Live texts of the new type that nothing can have become. */
  readonly strangers?: readonly string[];
  /** Whether a clock may have taken several values to one. */
  readonly mayBeSeveral?: boolean;
}

/** Types that the cases use. */
export const TYPES: string = `
  create type mood as enum ('sad', 'ok', 'it''s', 'a"b', E'back\\\\slash', 'Zoë {1,2}', 'trailing ');
  create type longer as enum ('new', 'trailing ', 'Zoë {1,2}', E'back\\\\slash', 'a"b', 'it''s', 'ok', 'sad');
  create type swapped as enum ('approved', 'rejected', 'open');
  create type "odd {'name'}" as enum ('a', 'b');
  create domain cents as numeric(10,2); create domain more_cents as cents check (value > -1000000);
  create domain wide as numeric(14,4); create domain name_of as varchar(20);
  create domain moods as mood; create domain numbers as integer[]`;

const ZONES =
  "Europe/Berlin America/New_York Australia/Lord_Howe Africa/Monrovia Pacific/Apia Asia/Kathmandu America/Sao_Paulo Europe/Dublin Europe/Moscow Antarctica/Troll Asia/Kolkata".split(
    " ",
  );
const FIXED = ["UTC", "<+03>-03", "<-02:30>+02:30", "UTC+3", "GMT"];
const plain = "timestamp";
const withZone = "timestamptz";

/** In the order of the table in packages/core/src/type-change/texts-before.ts. */
export const CASES: readonly TypeChangeCase[] = [
  { before: "smallint", now: "integer", ...smallints, strangers: ["32768", "-32769", "100000"] },
  { before: "smallint", now: "bigint", ...smallints, strangers: ["32768"] },
  { before: "integer", now: "bigint", ...integers4, strangers: ["2147483648", "-2147483649"] },
  { before: "smallint", now: "numeric", ...smallints, strangers: ["1.0", "NaN", "40000", "Infinity"] },
  { before: "integer", now: "numeric(14,3)", ...integers4, strangers: ["1.500", "3000000000.000"] },
  { before: "bigint", now: "numeric(30,0)", ...bigints, strangers: ["9223372036854775808"] },
  { before: "bigint", now: "numeric", ...bigints, strangers: ["0.5"] },
  { before: "numeric(10,2)", now: "numeric(14,4)", ...cents, strangers: ["1.2345", "100000000.0000", "0.0001"] },
  { before: "numeric(10,2)", now: "numeric", ...cents, strangers: ["1", "1.5", "1.500", "100000000.00", "Infinity"] },
  { before: "numeric(10,2)", now: "numeric(9,2)", values: ["0", "1.5", "-9999999.99", "NaN"] },
  { before: "numeric(5,0)", now: "numeric(7,2)", values: ["0", "-7", "99999", "NaN"], strangers: ["1.50"] },
  { before: "cents", now: "wide", ...cents, strangers: ["1.2345"] },
  { before: "more_cents", now: "numeric(12,3)", values: ["0", "1.5", "NaN"], strangers: ["1.555"] },
  { before: "numeric(10,2)", now: "more_cents", values: ["0", "1.5"] },
  { before: "jsonb", by: "create domain document as jsonb; alter table t alter c type document", values: ['{"a": 1}'] },
  { before: "real", now: "double precision", ...reals, strangers: ["0.1", "1e+300", "1e-50", "0.3333333"] },
  { before: "char(5)", now: "char(9)", ...shortTexts(5), strangers: ["123456   "] },
  { before: "char(5)", now: "text", ...shortTexts(5), strangers: ["a ", "123456"] },
  { before: "char(5)", now: "varchar", ...shortTexts(5), strangers: ["a "] },
  { before: "char(12)", now: "varchar(4)", ...shortTexts(4) },
  { before: "varchar(5)", now: "varchar(9)", ...shortTexts(5), strangers: ["123456"] },
  { before: "varchar(5)", now: "text", ...shortTexts(5), strangers: ["123456", "😀😀😀😀😀😀"] },
  { before: "varchar(20)", now: "name_of", ...shortTexts(20) },
  { before: "text", now: "varchar", ...texts },
  { before: "varchar", now: "text", ...texts },
  { before: "boolean", now: "text", values: ["t", "f"], strangers: ["t", "f", "TRUE", ""] },
  { before: "boolean", now: "varchar(5)", values: ["t", "f"] },
  { before: "uuid", now: "text", ...uuids, strangers: ["6BA7B810-9dad-11d1-80b4-00c04fd430c8", "{}"] },
  { before: "uuid", now: "varchar(36)", ...uuids },
  { before: "name", now: "text", ...shortTexts(15) },
  { before: "name", now: "varchar(63)", ...shortTexts(15) },
  { before: "integer", now: "text", ...integers4, strangers: ["01", "+1", " 1", "-0", "2147483648", "1.0"] },
  { before: "bigint", now: "varchar(20)", ...bigints, strangers: ["9223372036854775808"] },
  { before: "mood", now: "text", ...labels, strangers: ["SAD", "sad ", "trailing"] },
  { before: "moods", now: "varchar(10)", ...labels },
  { before: "text", now: "mood", using: "c::mood", ...labels },
  { before: "varchar(10)", now: "mood", using: "c::mood", ...labels },
  { before: "mood", now: "longer", using: "c::text::longer", ...labels, strangers: ["new"] },
  { before: "mood", by: "alter type mood add value 'later' after 'ok'", ...labels, strangers: ["later"] },
  {
    before: "swapped",
    by: "alter type swapped rename value 'approved' to 'x'; alter type swapped rename value 'rejected' to 'approved'; alter type swapped rename value 'x' to 'rejected'; alter type swapped add value 'new'",
    labels: new Map([
      ["approved", "rejected"],
      ["rejected", "approved"],
    ]),
    values: ["approved", "rejected", "open"],
    strangers: ["new"],
  },
  {
    before: `"odd {'name'}"`,
    by: `alter type "odd {'name'}" rename value 'a' to 'c'`,
    labels: new Map([["a", "c"]]),
    values: ["a", "b"],
  },
  { before: "json", now: "text", values: ['{"b": 1,  "a":null} ', "[]", "1e3", '"\\u0041"', " null "] },
  {
    before: "text",
    now: "json",
    using: "c::json",
    values: ['{"b": 1,  "a":null} ', "[]", "1e3", '"\\u0041"', " null "],
  },
  { before: "bit(5)", now: "varbit", values: ["00000", "10101", "11111"], strangers: ["1010", ""] },
  { before: "bit(5)", now: "varbit(7)", values: ["00000", "10101"], strangers: ["101010"] },
  { before: "varbit(12)", now: "varbit(20)", values: ["", "1", "0"], more: bits, strangers: ["1010101010101"] },
  { before: "varbit(12)", now: "varbit", values: ["", "1", "0"], more: bits },
  { before: "cidr", now: "inet", ...cidrs, strangers: ["10.1.2.3/8", "2001:db8::1/32", "::ffff:1.2.3.4/96"] },
  { before: "date", now: "timestamp", ...dates, strangers: ["2026-04-28 00:00:00.5", "2026-04-28 12:00:00"] },
  { before: "timestamp(0)", now: "timestamp", ...stamps(0), strangers: ["2026-04-28 12:00:00.5"] },
  { before: "timestamp(3)", now: "timestamp(5)", ...stamps(3), strangers: ["2026-04-28 12:00:00.1234"] },
  { before: "timestamptz(2)", now: "timestamptz", ...stamps(2), strangers: ["2026-04-28 12:00:00.123+00"] },
  {
    before: "time(1)",
    now: "time",
    values: ["00:00", "24:00", "23:59:59.9"],
    more: clocks(1),
    strangers: ["12:00:00.12"],
  },
  {
    before: "timetz(3)",
    now: "timetz(6)",
    values: ["00:00+00", "24:00-12:30:15", "23:59:59.9+14"],
    more: clocks(3).map((clock) => `${clock}-03:30`),
    strangers: ["12:00:00.1234+01"],
  },
  ...FIXED.flatMap((zone): TypeChangeCase[] => [
    {
      before: plain,
      now: withZone,
      zone,
      values: stamps(6).values.filter((text) => !/^(?:294276|4714)/.test(text)),
      more: stamps(6).more,
      strangers: ["2026-04-28 12:00:00"],
    },
    {
      before: withZone,
      now: plain,
      zone,
      values: stamps(6).values.filter((text) => !/^(?:294276|4714)/.test(text)),
      more: stamps(6).more,
    },
    {
      before: "date",
      now: withZone,
      zone,
      values: dates.values.filter((text) => !text.startsWith("294276")),
      more: dates.more,
      strangers: ["2026-04-28 00:00:01+00"],
    },
  ]),
  ...ZONES.flatMap((zone): TypeChangeCase[] => [
    { before: plain, now: withZone, zone, ...zoned, mayBeSeveral: true },
    { before: withZone, now: plain, zone, ...zoned, mayBeSeveral: true },
    {
      before: "date",
      now: "timestamptz(3)",
      zone,
      values: [...new Set(zoned.values.map((text) => text.slice(0, 10)))],
      more: zoned.more.map((text) => text.slice(0, 10)),
      strangers: ["2021-07-01 12:34:56+00"],
      mayBeSeveral: true,
    },
  ]),
  {
    before: "timestamp(3)",
    now: "timestamptz(4)",
    zone: "Europe/Berlin",
    values: ["2021-07-01 12:00:00.123"],
    strangers: ["2021-07-01 12:00:00.1234+00"],
  },
  {
    before: "timestamp",
    now: "timestamptz",
    zone: "Europe/Berlin",
    values: ["2021-10-31 02:30:00"],
    strangers: ["2021-10-31 00:30:00+00"],
    mayBeSeveral: true,
  },
  {
    before: "timestamptz",
    now: "timestamp",
    zone: "Europe/Berlin",
    values: ["2021-10-31 00:30:00+00"],
    strangers: ["2021-03-28 02:30:00"],
    mayBeSeveral: true,
  },
  {
    before: "integer[]",
    now: "bigint[]",
    values: ["{}", "{1,NULL,-3}", "{{1,2},{3,4}}", "[0:1]={5,6}", "[2:2][-1:0]={{1,2}}"],
    more: arrayOf(integers(31)),
    strangers: ["{3000000000}"],
  },
  { before: "numbers", now: "numeric(12,1)[]", values: ["{}", "{1,NULL,-3}"], strangers: ["{1.5}"] },
  { before: "cents[]", now: "numeric(14,4)[]", values: ["{}", "{1.50,NULL,NaN}"], strangers: ["{1.2345}"] },
  {
    before: "char(4)[]",
    now: "text[]",
    values: ['{a,NULL,"","b c"}'],
    more: arrayOf(anyText.map((text) => first(4, text))),
    strangers: ['{"a "}'],
  },
  {
    before: "varchar(9)[]",
    now: "text[]",
    values: ['{"NULL",nUlL," ","\\\\","\\"","a,b","{","\u00a0"}'],
    more: arrayOf(anyText.map((text) => first(9, text))),
  },
  { before: "boolean[]", now: "text[]", values: ["{t,f,NULL}"], strangers: ["{t}"] },
  { before: "mood[]", now: "text[]", values: ['{sad,NULL,"a\\"b","Zoë {1,2}","back\\\\slash"}'] },
  { before: "text[]", now: "mood[]", using: "c::mood[]", values: ['{sad,NULL,"a\\"b","Zoë {1,2}"}'] },
  { before: "real[]", now: "double precision[]", values: ["{0.1,1e10,NULL,-0,NaN}"], more: arrayOf(reals.more) },
  { before: "cidr[]", now: "inet[]", values: ["{10.0.0.0/8,10.1.2.3/32,::1/128}"] },
  {
    before: "timestamp(3)[]",
    now: "timestamp[]",
    values: ['{"2026-04-28 12:00:00.123",infinity}'],
    strangers: ['{"2026-04-28 12:00:00.1234"}'],
  },
];
