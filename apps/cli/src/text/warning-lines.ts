import { escapeText, groupAlike } from "@scidex/audit-command";

/** Something to know about a table. */
export interface TableWarning {
  readonly table: string;
  readonly message: string;
}

/** How many tables are named of those that a warning is about. */
const NAMED = 3;

/** Each warning once, with how many tables it is about. */
export function warningLines(warnings: readonly TableWarning[]): string[] {
  if (warnings.length === 0) return [];
  const groups = groupAlike(warnings, ({ message }) => message).map(({ first, all }) => {
    const tables = [...new Set(all.map(({ table }) => table))];
    const more = tables.length > NAMED ? ", …" : "";
    return { count: tables.length, text: `${first.message} (${tables.slice(0, NAMED).join(", ")}${more})` };
  });
  return [
    "Warnings, with the number of tables:",
    ...groups.toSorted((a, b) => b.count - a.count).map(({ count, text }) => escapeText(`  ${count}  ${text}`)),
  ];
}
