import { CommandError } from "@scidex/audit-command";
import type { AuditConfig, TableEntry } from "./audit-config.ts";
import { bySpecificity, type TableName } from "./table-pattern.ts";

/** Whether a configuration names a table, and by which entry. */
export type Naming =
  /** `over`: other entries that name it too, and lose. */
  | { readonly is: "named"; readonly entry: TableEntry; readonly over: readonly TableEntry[] }
  /** No entry names it, and at least this one would without its exception. */
  | { readonly is: "excepted"; readonly entry: TableEntry }
  | { readonly is: "unnamed" };

/**
 * The entry that decides about a table: its exact name before a pattern, the pattern with fewer wildcards before the
 * other, then the longer one. An exception takes a table out of its own entry only.
 *
 * @throws {CommandError} `configuration` where two patterns are equally specific
 */
export function namingOf(table: TableName, { tables }: Pick<AuditConfig, "tables">): Naming {
  const matching = tables.filter(({ pattern }) => pattern.matches(table));
  const [entry, ...over] = matching
    .filter(({ except }) => !except.some((exception) => exception.matches(table)))
    .toSorted((a, b) => bySpecificity(a.pattern, b.pattern));
  if (entry === undefined) {
    const [excepting] = matching;
    return excepting === undefined ? { is: "unnamed" } : { is: "excepted", entry: excepting };
  }
  const rival = over.find(({ pattern }) => bySpecificity(pattern, entry.pattern) === 0);
  if (rival !== undefined)
    throw new CommandError(
      "configuration",
      `${table.schema}.${table.name} is named by "${entry.pattern.text}" and by "${rival.pattern.text}", and neither is more specific; name the table exactly, or except it from one of them`,
    );
  return { is: "named", entry, over };
}
