import { filenodesForm } from "./plan/catalog-forms.ts";
import type { Lane, TableName } from "./lane.ts";

/** Files that are asked for at once: a result has 1,664 columns at most. */
const MAX_FILES = 500;

/**
 * Takes the weakest lock on a table, and tells whether the table was rewritten (ALTER TABLE … TYPE, TRUNCATE) since the
 * snapshot was taken. The snapshot is then older than the table's file, and sees none of its rows: 1,000 disappeared
 * that way. What is missing then is no evidence. Once we have the lock, nobody can rewrite the table.
 *
 * The snapshot's catalog says where the rows were, `pg_relation_filenode` where they are now.
 */
export async function lockAgainstRewriting(lane: Lane, schema: string, name: string): Promise<boolean> {
  return await lockAllAgainstRewriting(lane, [{ schema, name }]);
}

/** The same for several tables at once: whether any of them was rewritten. */
export async function lockAllAgainstRewriting(lane: Lane, tables: readonly TableName[]): Promise<boolean> {
  const catalog = await lane.catalog();
  const there = tables.filter(({ schema, name }) => catalog.relation(schema, name) !== undefined);
  if (there.length === 0) return false;
  await lane.lock(there);
  const trees = there.map(({ schema, name }) => catalog.treeOf(catalog.relation(schema, name)?.oid ?? ""));
  return await wereRewritten(lane, trees.flat());
}

/** Relations with a file: tables and indexes, not what is partitioned. */
const STORED = new Set(["r", "i"]);

/** Whether any of these relations has another file now than in the snapshot, or none. */
export async function wereRewritten(lane: Lane, oids: readonly string[]): Promise<boolean> {
  const catalog = await lane.catalog();
  const stored = oids.flatMap((oid) => catalog.relationOf(oid) ?? []).filter(({ kind }) => STORED.has(kind));
  for (let from = 0; from < stored.length; from += MAX_FILES) {
    const some = stored.slice(from, from + MAX_FILES);
    const [files] = await lane.rows(filenodesForm(some.map(({ oid }) => Number(oid))), some.length, (numbers) =>
      numbers.map((number) => (number?.length === 4 ? String(number.readUInt32BE()) : "")),
    );
    if (some.some(({ file }, i) => files?.[i] !== file)) return true;
  }
  return false;
}

/** What is said of such a table. */
export const REWRITTEN = "the table was rewritten after the snapshot was taken";
