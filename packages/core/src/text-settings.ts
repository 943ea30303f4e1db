/**
 * The settings of a PostgreSQL session under which a value's text is the one that is hashed ("Row payload" in
 * docs/formats.md): a part of the format, as assignments for `SET` or `SET LOCAL`. Tests hold what stands in SQL and in
 * the documentation against this list.
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
