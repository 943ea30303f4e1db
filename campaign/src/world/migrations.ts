import type { Random } from "../random.ts";
import type { AuditedTable } from "./tables.ts";
import type { World } from "./world.ts";

/** A migration after which rows have other payloads than those that were recorded. */
export type Reshaping = "a column with values is dropped" | "a column is retyped with loss" | "values in a late column";

export const RESHAPINGS: readonly Reshaping[] = [
  "a column with values is dropped",
  "a column is retyped with loss",
  "values in a late column",
];

/** What a migration has done to a table. */
export interface Reshaped {
  readonly column: string;
  /** Keys of rows that have to be recorded anew; all others were recorded without the column. */
  readonly keys: readonly string[];
}

/**
 * A column joins, some rows get values in it that older ones do not have, and it is dropped or retyped; or it is taken in
 * only then. The rows of before can be compared as they are.
 */
export async function reshape(
  world: World,
  random: Random,
  fresh: () => number,
  table: AuditedTable,
  reshaping: Reshaping,
): Promise<Reshaped> {
  const { relation } = table;
  const column = `shaped_${fresh()}`;
  const sync = `select public.audit_chain_sync('${relation}')`;
  const migrate = async (...statements: readonly string[]): Promise<void> =>
    void (await world.honest.begin(async (tx) => await tx.unsafe(statements.join("; "))));
  const keys = async (): Promise<string[]> =>
    (await world.honest.unsafe<{ pk: string }[]>(`select ${table.pk} as pk from ${relation}`)).map(({ pk }) => pk);
  const before = new Set(await keys());
  const isLate = reshaping === "values in a late column";
  const isRetyped = reshaping === "a column is retyped with loss";
  const type = `numeric(10,2)${isRetyped ? "" : " default 5"}`;
  await migrate(`alter table ${relation} add column ${column} ${type}`, ...(isLate ? [] : [sync]));
  await migrate(`alter table ${relation} alter column ${column} set default 7.25`);
  for (let n = 0; n < 3; n++) await world.honest.unsafe(table.insert(random, fresh()));
  await world.honest.unsafe("select public.audit_chain_seal(100000)");
  const recorded = (await keys()).filter((key) => !before.has(key));
  if (reshaping === "a column with values is dropped")
    await migrate(`alter table ${relation} drop column ${column}`, sync);
  else if (isRetyped) await migrate(`alter table ${relation} alter column ${column} type numeric(10,1)`, sync);
  else await migrate(sync);
  return { column, keys: recorded };
}
