// Writes migrations/0001_functions.sql from src/sql, one file for each function, in the order below; with --check it
// only compares, and fails where they differ.
// Once a release is out, its migrations stay as they are: a later change gets a migration and a list of its own.
import { readFileSync, writeFileSync } from "node:fs";

const FILES = [
  "setup/roles",
  "setup/platform",
  "link/ticket",
  "leave/leaving",
  "leave/leaving_end",
  "setup/append_only",
  "append/check_event",
  "append/check_events",
  "append/check_kind",
  "link/lock_chain",
  "link/extend",
  "shape/keyed_since",
  "link/newest_hash",
  "link/trail",
  "link/causal_order",
  "link/link",
  "link/link_all",
  "link/leave",
  "link/commit",
  "link/seal",
  "append/append",
  "append/append_many",
  "append/enqueue",
  "capture/quoted",
  "capture/utf16_order",
  "capture/payload_expression",
  "capture/key_expression",
  "capture/gone",
  "capture/row_source",
  "capture/blind_key",
  "capture/odd_key",
  "shape/numbers",
  "capture/odd_row",
  "capture/check_relation",
  "capture/refuse",
  "leave/let_go",
  "capture/capture_name",
  "capture/capture_source",
  "capture/capture_function",
  "shape/type_description",
  "shape/types_changed",
  "attach/kind_in_use",
  "attach/is_sound",
  "attach/in_force",
  "attach/check_claim",
  "attach/take_over",
  "capture/capture_open",
  "capture/capture_close",
  "shape/covered_columns",
  "attach/check_attachable",
  "shape/key_columns",
  "shape/key_now",
  "attach/present",
  "attach/attach_warnings",
  "shape/is_own",
  "shape/joins",
  "shape/shape",
  "shape/renames",
  "attach/configure",
  "attach/attach",
  "attach/sync",
  "attach/detach",
  "attach/dropped",
  "append/append_trigger",
  "attach/adopt",
  "attach/complete",
  "leave/attached",
  "leave/newest",
  "leave/leaving_source",
  "leave/may_retire",
  "leave/leaving_rows",
  "leave/retire",
  "record/record",
  "record/statement",
  "setup/own_tables",
];

const folder = new URL("src/sql/", import.meta.url);
const text = FILES.map((name) => readFileSync(new URL(`${name}.sql`, folder), "utf8")).join(
  "--> statement-breakpoint\n",
);
const migration = new URL("../../migrations/0001_functions.sql", import.meta.url);
if (process.argv.includes("--check")) {
  if (readFileSync(migration, "utf8") !== text)
    throw new Error("migrations/0001_functions.sql is not what src/sql assembles to");
} else {
  writeFileSync(migration, text);
}
