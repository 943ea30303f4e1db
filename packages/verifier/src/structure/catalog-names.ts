import type { Report } from "../finding.ts";
import type { Lane } from "../snapshot.ts";
import { readRows, text } from "./read-catalog.ts";

/** The catalogs that are read, and their oids, which are built into every server since PostgreSQL 14. */
const CATALOGS: Readonly<Record<string, string>> = {
  pg_aggregate: "2600",
  pg_am: "2601",
  pg_amop: "2602",
  pg_amproc: "2603",
  pg_attrdef: "2604",
  pg_attribute: "1249",
  pg_auth_members: "1261",
  pg_class: "1259",
  pg_collation: "3456",
  pg_constraint: "2606",
  pg_database: "1262",
  pg_db_role_setting: "2964",
  pg_default_acl: "826",
  pg_enum: "3501",
  pg_event_trigger: "3466",
  pg_index: "2610",
  pg_inherits: "2611",
  pg_language: "2612",
  pg_namespace: "2615",
  pg_opclass: "2616",
  pg_operator: "2617",
  pg_policy: "3256",
  pg_proc: "1255",
  pg_range: "3541",
  pg_rewrite: "2618",
  pg_trigger: "2620",
  pg_type: "1247",
};

/**
 * The server finds its catalogs by their oids, and everybody else by their names, which stand in a catalog themselves:
 * rename `pg_trigger`, put a copy of it as it was in its place, and whatever is done to triggers after that is seen by
 * the server only. So each name must lead to the oid that is built in.
 */
export async function checkCatalogNames(lane: Lane, report: Report): Promise<void> {
  const names = Object.keys(CATALOGS);
  const query = `select ${names.map((name) => `'pg_catalog.${name}'::regclass::oid`).join(", ")}`;
  const [oids = []] = await readRows(lane, query, (f) => names.map((_, i) => text(f, i)));
  for (const [i, name] of names.entries()) {
    const expected = CATALOGS[name] ?? "";
    const actual = oids[i] ?? "";
    if (actual === expected) continue;
    report({
      check: "catalog_changed",
      expected: `oid ${expected}`,
      actual: `oid ${actual}`,
      message: `what is called pg_catalog.${name} is not the server's own catalog, so that what it says cannot be believed`,
    });
  }
}
