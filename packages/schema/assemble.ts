// Writes migrations/0001_functions.sql from src/sql, one file for each function, in the order below; with --check it
// only compares, and fails where they differ.
// Once a release is out, its migrations stay as they are: a later change gets a migration and a list of its own.
import { readFileSync, writeFileSync } from "node:fs";

const FILES = [
  "roles",
  "platform",
  "ticket",
  "append_only",
  "check_event",
  "check_events",
  "check_kind",
  "lock_chain",
  "extend",
  "newest_hash",
  "trail",
  "causal_order",
  "link",
  "link_all",
  "leave",
  "commit",
  "seal",
  "append",
  "append_many",
  "enqueue",
  "quoted",
  "utf16_order",
  "payload_expression",
  "key_expression",
  "row_source",
  "blind_key",
  "odd_key",
  "odd_row",
  "check_relation",
  "refuse",
  "capture_name",
  "capture_source",
  "capture_function",
  "type_description",
  "types_changed",
  "kind_in_use",
  "is_sound",
  "in_force",
  "check_claim",
  "capture_open",
  "capture_close",
  "covered_columns",
  "check_attachable",
  "key_columns",
  "present",
  "attach_warnings",
  "configure",
  "attach",
  "detach",
  "append_trigger",
  "adopt",
  "complete",
  "own_tables",
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
