import type { Sql } from "postgres";
import { configInForce } from "../database/config-in-force.ts";
import { readDatabaseTables } from "../database/database-tables.ts";
import { countUnchained } from "../database/unchained.ts";
import type { Found } from "./plan.ts";
import { type AttachedTable, readAttached } from "./read-attached.ts";

/** Everything that `sync` compares, at one moment. */
export async function readFound(sql: Sql): Promise<Found> {
  const found = await sql.begin("isolation level repeatable read read only", async (tx) => {
    await tx`set local search_path = pg_catalog, pg_temp`;
    const configs = await configInForce(tx);
    return {
      attached: await readAttached(tx),
      tables: await readDatabaseTables(tx),
      droppedKinds: configs
        .filter(({ action, columns }) => action === "detach" && columns.length === 0)
        .map(({ kind }) => kind),
    };
  });
  const attached: AttachedTable[] = [];
  for (const table of found.attached) attached.push(await withRowsThatCame(sql, table));
  return { ...found, attached };
}

/**
 * Counts the rows with which partitions came. Of a table that is not complete, a backfill chains them with the others. In the
 * mode stream nobody can tell them from those that wait to be linked.
 */
async function withRowsThatCame(sql: Sql, table: AttachedTable): Promise<AttachedTable> {
  const { live, kind, keyColumns, blindKey, isComplete, mode } = table;
  if (live === null || !isComplete || mode === "stream") return table;
  const config = { kind, key_columns: keyColumns, blind_key: blindKey };
  const came = [];
  for (const part of live.came)
    came.push(part.isLeaf ? { ...part, unchained: await countUnchained(sql, config, part.relation) } : part);
  return { ...table, live: { ...live, came } };
}
