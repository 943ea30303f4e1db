import { CommandError } from "@scidex/audit-command";
import type { AttachOptions } from "@scidex/audit-schema";
import type { Sql } from "postgres";
import { qualifiedNames } from "../database/qualified-names.ts";
import { differencesOf } from "./differences.ts";
import { optionDifferences } from "./option-differences.ts";
import { readAttached } from "./read-attached.ts";
import { changedTables, changedText } from "../database/changed-tables.ts";
import type { Narrowing } from "../text/narrowing.ts";

/** A table that is to be attached, as it was named, with these options. */
export interface ToAttach {
  readonly table: string;
  readonly options: AttachOptions;
}

/**
 * Asks what is to become of changes, where nothing was said and rows do change.
 *
 * @throws {CommandError} `usage`, naming the tables
 */
export async function askForChanges(sql: Sql, targets: readonly ToAttach[]): Promise<void> {
  const unsaid = targets.filter(({ options }) => options.changes === undefined).map(({ table }) => table);
  const changed = await changedTables(sql, unsaid);
  if (changed.length === 0) return;
  throw new CommandError(
    "usage",
    `rows of tables have been changed since their statistics were reset: ${changedText(changed)}. Say --changes track, to record each change as an event, or --changes refuse, with which such a change fails; nothing was attached`,
  );
}

/** What of attaching tables again narrows their coverage: with these options, and with what a migration has changed. */
export async function narrowingsOf(sql: Sql, targets: readonly ToAttach[]): Promise<Narrowing[]> {
  const names = await qualifiedNames(
    sql,
    targets.map(({ table }) => table),
  );
  const attached = await sql.begin("isolation level repeatable read read only", async (tx) => {
    await tx`set local search_path = pg_catalog, pg_temp`;
    return new Map((await readAttached(tx)).map((table) => [table.live?.relation, table]));
  });
  return targets.flatMap(({ table, options }) => {
    const before = attached.get(names.get(table));
    if (before === undefined) return [];
    const differences = [...differencesOf(before), ...optionDifferences(before, definedOf(options), false)];
    return differences.filter(({ narrows }) => narrows).map(({ text }) => ({ table, text }));
  });
}

/** The options that were given: what is undefined stays as it is. */
function definedOf({ mode, changes, exclude, key, fallback, blindKey, salt }: AttachOptions) {
  return {
    ...(mode === undefined ? {} : { mode }),
    ...(changes === undefined ? {} : { changes }),
    ...(exclude === undefined ? {} : { exclude }),
    ...(key === undefined ? {} : { key }),
    ...(fallback === undefined ? {} : { fallback }),
    ...(blindKey === undefined ? {} : { blindKey }),
    ...(salt === undefined ? {} : { salt }),
  };
}
