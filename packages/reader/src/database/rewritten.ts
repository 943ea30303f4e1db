import { filenodeForm } from "./plan/catalog-forms.ts";
import type { Lane } from "./lane.ts";

/**
 * Takes the weakest lock on a table, and tells whether the table was rewritten (ALTER TABLE … TYPE, TRUNCATE) since the
 * snapshot was taken. The snapshot is then older than the table's file, and sees none of its rows: 1,000 disappeared
 * that way. What is missing then is no evidence. Once we have the lock, nobody can rewrite the table.
 *
 * The snapshot's catalog says where the rows were, `pg_relation_filenode` where they are now.
 */
export async function lockAgainstRewriting(lane: Lane, schema: string, name: string): Promise<boolean> {
  const catalog = await lane.catalog();
  const table = catalog.relation(schema, name);
  if (table === undefined) return false;
  await lane.lock(schema, name);
  for (const oid of catalog.treeOf(table.oid)) {
    const part = catalog.relationOf(oid);
    if (part?.kind !== "r") continue;
    const [file] = await lane.rows(filenodeForm(Number(oid)), 1, ([number]) => [
      number?.length === 4 ? String(number.readUInt32BE()) : "",
    ]);
    if (file?.[0] !== part.file) return true;
  }
  return false;
}

/** What is said of such a table. */
export const REWRITTEN = "the table was rewritten after the snapshot was taken";
