import { CommandError } from "@scidex/audit-command";
import type { Sql } from "postgres";
import { type ChangedTable, changedTables, changedText, changesText } from "../database/changed-tables.ts";
import type { Step } from "./plan.ts";

const SAY = 'say "changes": "track", to record each change as an event, or "refuse", with which such a change fails';

/**
 * Asks what is to become of changes of new tables, where the file says nothing and their rows do change.
 *
 * @param isDry whether to say it beside each table, instead of stopping
 * @returns the steps
 * @throws {CommandError} `configuration`, naming the file's entries and the tables
 */
export async function askForChanges(
  sql: Sql,
  steps: readonly Step[],
  file: string | undefined,
  isDry: boolean,
): Promise<readonly Step[]> {
  const unsaid = steps.filter(isUnsaid);
  const changed = new Map(
    (
      await changedTables(
        sql,
        unsaid.map(({ table }) => table),
      )
    ).map((table) => [table.relation, table]),
  );
  if (changed.size === 0) return steps;
  if (isDry) return steps.map((step) => (isUnsaid(step) ? asking(step, changed.get(step.table)) : step));
  const entries = Map.groupBy(
    unsaid.filter(({ table }) => changed.has(table)),
    ({ named }) => named?.entry.pattern.text ?? "",
  );
  const texts = [...entries].map(
    ([entry, tables]) =>
      `tables[${JSON.stringify(entry)}].changes is missing for ${changedText(tables.flatMap(({ table }) => changed.get(table) ?? []))}`,
  );
  throw new CommandError(
    "configuration",
    `${file ?? "the configuration"}: ${texts.join("; ")}, whose rows have been changed since their statistics were reset: ${SAY}; nothing was changed`,
  );
}

const isUnsaid = ({ kind, work, named }: Step): boolean =>
  kind === null && named !== undefined && work.is === "attach" && work.options.changes === undefined;

function asking(step: Step, changed: ChangedTable | undefined): Step {
  if (changed === undefined) return step;
  const text = `its rows change (${changesText(changed)} since the statistics were reset)`;
  return { ...step, differences: [...step.differences, { text, narrows: false, blocked: SAY }] };
}
