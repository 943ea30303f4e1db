import { countRows, isWholeScan, type Snapshot } from "@scidex/audit-reader";
import { countStatement, fromTable, indexesOfReading, isWhole, type Reading, readingSettings } from "./lookup.ts";
import { closedOver } from "./planner.ts";

/**
 * Whether an index has as many entries as its table has rows: counted on two connections at once. False also
 * where that cannot be counted.
 */
export async function hasAsMany(snapshot: Snapshot, reading: Reading): Promise<boolean> {
  const { table, index } = reading;
  // Which partitions a plan has gone through is not looked at here.
  if (table.isPartitioned) return false;
  const counts = await Promise.allSettled([
    snapshot[0].attempt(
      async (lane) =>
        await countRows(lane, `select from ${fromTable(table)} as a`, await closedOver(lane, table), isWholeScan),
    ),
    snapshot[1].attempt(async (lane) => {
      await lane.plan(readingSettings(reading));
      const closed = await closedOver(lane, table);
      return await countRows(lane, countStatement(reading), closed, (plan) => isWhole(index, indexesOfReading(plan)));
    }),
  ]);
  const [rows, entries] = counts.map((count) => {
    if (count.status === "rejected") throw count.reason;
    return count.value;
  });
  return rows !== null && rows === entries;
}
