/**
 * The settings of a PostgreSQL session under which a value has the text that is hashed ("Row payload" in
 * docs/formats.md), as assignments for `SET` or `SET LOCAL`. They are part of the format. Tests hold SQL and
 * documentation against this list.
 *
 * Whoever reads texts over a connection needs the client encoding UTF8 besides, which drivers ask for by themselves.
 */
export const TEXT_SETTINGS: readonly string[] = [
  // Names of relations, functions and types (regclass, …) are printed with their schema unless it is on the path.
  "search_path = pg_catalog, pg_temp",
  "TimeZone = 'UTC'",
  "DateStyle = 'ISO'",
  "IntervalStyle = 'postgres'",
  "bytea_output = 'hex'",
  "extra_float_digits = '1'",
  "lc_monetary = 'C'",
  "quote_all_identifiers = 'off'",
];
