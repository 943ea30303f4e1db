import type { Sql } from "postgres";
import { configInForce } from "../database/config-in-force.ts";
import { readDatabaseTables } from "../database/database-tables.ts";
import type { Found } from "./plan.ts";
import { readAttached } from "./read-attached.ts";

/** Everything that `sync` compares, at one moment. */
export async function readFound(sql: Sql): Promise<Found> {
  return await sql.begin("isolation level repeatable read read only", async (tx) => {
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
}
