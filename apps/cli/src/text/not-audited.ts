/** How many tables are named. */
const NAMED = 5;

/** Says in a line which tables are not audited; no line where all are. */
export function notAuditedLines(relations: readonly string[]): string[] {
  if (relations.length === 0) return [];
  const named = relations.slice(0, NAMED).join(", ");
  const subject = relations.length === 1 ? "1 table is" : `${relations.length} tables are`;
  return [`${subject} not audited: ${named}${relations.length > NAMED ? ", … (--json lists all)" : ""}`];
}
