import { TEXT_SETTINGS } from "@scidex/audit-core";

/** Text of each value as capture hashes it (ARCHITECTURE.md, "Row payload"), and plans as the forms have them. */
export const SETTINGS = [
  "standard_conforming_strings = on",
  ...TEXT_SETTINGS,
  "row_security = off",
  "client_encoding = 'UTF8'",
  // Each plan is sent before it is run: see plan/.
  "debug_print_parse = off",
  "debug_print_rewritten = off",
  "debug_pretty_print = off",
  "debug_print_plan = on",
  "client_min_messages = log",
  // Rows come from sequential scans, from their beginning: an index can be made to lie.
  "synchronize_seqscans = off",
  "enable_seqscan = on",
  "enable_indexscan = off",
  "enable_indexonlyscan = off",
  "enable_bitmapscan = off",
  "constraint_exclusion = off",
  "max_parallel_workers_per_gather = 0",
  "jit = off",
  "idle_in_transaction_session_timeout = 0",
  // A table that is being rewritten is `unproven` this time, and never waited for: behind us, writers would queue up.
  "lock_timeout = '2s'",
];

/** What the driver would make of names and values: nothing. */
export const NO_TRANSFORM = {
  undefined: undefined,
  column: { from: undefined, to: undefined },
  value: { from: undefined, to: undefined },
  row: { from: undefined, to: undefined },
};
