import type { LiveRelation } from "@scidex/audit-reader";

/** Tables that are read in one go. All of them are locked meanwhile: nobody's DDL waits for long. */
const MAX_TOGETHER = 32;
/** Pages up to which a table is small: a megabyte. One that was never analyzed has none. */
const SMALL_PAGES = 128;

/**
 * Cuts tables into groups that are read in one go: small ones together, each other one alone. Of hundreds of small tables,
 * locks, settings and waiting for answers took ten times as long as the rows.
 *
 * @param relationOf what a table is, as the snapshot has it
 */
export function groupsOf<T>(tables: readonly T[], relationOf: (table: T) => LiveRelation | undefined): T[][] {
  const groups: T[][] = [];
  let small: T[] = [];
  for (const table of tables) {
    const relation = relationOf(table);
    if (relation?.kind !== "r" || relation.pages > SMALL_PAGES) {
      groups.push([table]);
      continue;
    }
    if (small.length === 0) groups.push(small);
    small.push(table);
    if (small.length === MAX_TOGETHER) small = [];
  }
  return groups;
}
