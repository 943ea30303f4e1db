import { CommandError, type CommandContext, EXIT, escapeText, FEW, type Outcome } from "@scidex/audit-command";
import type { Database } from "./database/database.ts";
import { explained } from "./database/database-error.ts";
import { meantTable } from "./database/meant-table.ts";
import { print } from "./text/print.ts";
import { type TableWarning, warningLines } from "./text/warning-lines.ts";

/** A table that was named, and what is to be done with it. */
export interface Target<O> {
  readonly table: string;
  readonly options: O;
}

/** What was done with a table: for `--json`, and for people. */
interface Done {
  readonly result: object;
  readonly lines: readonly string[];
  /** Instead of `lines` where there are many tables: a line, and warnings that are said once for all. */
  readonly brief?: { readonly line: string; readonly warnings: readonly string[] };
}

interface Tables<O> {
  readonly targets: readonly Target<O>[];
  /** Tables that were looked for and do not exist. */
  readonly missing: readonly string[];
  readonly json: boolean | undefined;
  readonly work: (target: Target<O>) => Promise<Done>;
}

/**
 * Does the work for one table after the other, each in a transaction of its own. With a single table its error is the
 * command's; with several, a failure is reported among the results, the others go on, and the exit code is 3.
 */
export async function forEachTable<O>(
  context: CommandContext,
  database: Database,
  { targets, missing, json, work }: Tables<O>,
): Promise<Outcome | void> {
  const results: object[] = [];
  const lines: string[] = [];
  const warnings: TableWarning[] = [];
  const areMany = targets.length > FEW;
  let failures = 0;
  for (const target of targets) {
    context.signal.throwIfAborted();
    try {
      const done = await work(target);
      results.push(done.result);
      lines.push(...(areMany && done.brief !== undefined ? [escapeText(done.brief.line)] : done.lines));
      for (const message of done.brief?.warnings ?? []) warnings.push({ table: target.table, message });
    } catch (error) {
      context.signal.throwIfAborted();
      const asker = { user: database.sql.options.user, right: "the table's owner, or a superuser", isNaming: true };
      const reason = explained(error, { ...asker, meant: await meantTable(database.sql, target.table, error) });
      if (targets.length === 1 && missing.length === 0) throw reason;
      failures++;
      const message = reason instanceof Error ? reason.message : String(reason);
      const code = reason instanceof CommandError ? reason.code : "failed";
      results.push({ table: target.table, error: { code, message } });
      lines.push(escapeText(`${target.table}: FAILED: ${message}`));
    }
  }
  if (areMany) lines.push(...warningLines(warnings));
  lines.push(...missing.map((table) => `${table} does not exist, and was passed over`));
  if (failures > 0) lines.push(`${failures} of ${targets.length} failed.`);
  await print(json, { tables: results, ...(missing.length > 0 ? { missing } : {}) }, () => lines);
  return failures > 0 ? { exit: EXIT.failed } : undefined;
}
