import type { TableAccess } from "./table-plan.ts";

/**
 * Says that an index is not checked, because the planner does not use it as asked. Where it prefers others of the same
 * table, it does so for applications too; those are checked, or named as not checked themselves. Null where something else
 * keeps it from the index.
 *
 * @param instead oids of the indexes that it uses; null for another plan altogether
 */
export function preferred(
  { relation, readings, unread }: TableAccess,
  index: string,
  instead: readonly string[] | null,
): string | null {
  const indexes = [...readings.map((reading) => reading.index), ...unread];
  const names = new Map(indexes.flatMap(({ parts }) => parts.map(({ oid, name }) => [oid, name])));
  if (instead?.every((oid) => (names.get(oid) ?? index) !== index) !== true) return null;
  return `${relation}: index ${index} (the server prefers ${[...new Set(instead.map((oid) => names.get(oid)))].join(", ")})`;
}
