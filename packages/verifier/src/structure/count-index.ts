import { quotedName } from "@scidex/audit-core";
import {
  countRows,
  isWholeScan,
  type Lane,
  type PlanShape,
  type Relation,
  type ReportFinding,
} from "@scidex/audit-reader";
import { readShape } from "../coverage/shape.ts";

/** The chain's indexes, and their columns. */
const INDEXES = [
  { name: "audit_chain_pkey", columns: ["seq"] },
  { name: "audit_chain_event_key", columns: ["event_kind", "event_pk"] },
] as const;

/**
 * Counts the chain by each of its indexes and without any: an index that was made to lie (hidden for a while, edited,
 * corrupt) has other rows.
 *
 * @returns why it could not be judged; a right that is missing is an error of the driver
 */
export async function countByIndexes(lane: Lane, report: ReportFinding): Promise<string[]> {
  const catalog = await lane.catalog();
  const chain = await readShape(lane, lane.place.schema, "audit_chain");
  if (chain === null) return [];
  const unproven: string[] = [];
  const byScan = await lane.attempt(
    async (attempt) =>
      await countRows(
        attempt,
        `select from only ${quotedName(lane.place.schema)}."audit_chain" as t`,
        closedOver(chain),
        isWholeScan,
      ),
  );
  if (byScan === null)
    return ["the chain cannot be read from its beginning to its end, so that its indexes cannot be compared"];
  for (const { name, columns } of INDEXES) {
    const index = catalog.relation(lane.place.schema, name);
    if (index?.kind !== "i") {
      unproven.push(`the chain has no index ${name}, so that it cannot be compared with the table`);
      continue;
    }
    const byIndex = await countIndex(lane, chain, index.oid, columns);
    if (byIndex === null)
      unproven.push(`the chain cannot be read by the index ${name}, so that it cannot be compared with the table`);
    if (byIndex === null || byIndex === byScan) continue;
    report({
      check: "index_mismatch",
      expected: `${byScan} rows, as in ${lane.place.schema}.audit_chain`,
      actual: `${byIndex} rows`,
      message: `the index ${name} does not have the rows of ${lane.place.schema}.audit_chain`,
    });
  }
  return unproven;
}

/** The number of rows that an index has; null where the server does not use it. */
async function countIndex(
  lane: Lane,
  chain: Relation,
  index: string,
  columns: readonly string[],
): Promise<number | null> {
  return await lane.attempt(async (attempt) => {
    await attempt.plan(["enable_seqscan = off", "enable_sort = off", "enable_indexonlyscan = on"]);
    // In this order no other index has them.
    const statement = `select from only ${quotedName(lane.place.schema)}."audit_chain" as t order by ${columns.map((name) => `t.${name}`).join(", ")}`;
    const isOfIndex = (plan: PlanShape) => plan.node === "INDEXONLYSCAN" && plan.index === index;
    return await countRows(attempt, statement, closedOver(chain), isOfIndex);
  });
}

const closedOver = ({ oid }: Relation) => ({ relations: new Set([String(oid)]) });
