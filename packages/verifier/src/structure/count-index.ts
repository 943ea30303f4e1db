import type { Report } from "../finding.ts";
import type { Lane } from "../snapshot.ts";

/** Conditions that every row meets and that only one index can answer. */
const INDEXES = [
  { name: "audit_chain_pkey", condition: "c.seq >= '-9223372036854775808'::pg_catalog.int8" },
  { name: "audit_chain_event_key", condition: `c.event_kind >= ''` },
] as const;

const SCANS = new Set(["Index Scan", "Index Only Scan"]);

/**
 * Counts the chain by each of its indexes and without any: an index that was made to lie (hidden for a while, edited,
 * corrupt) has other rows. The lane's plans use sequential scans again afterwards.
 *
 * @returns why it could not be judged; a right that is missing is an error of the driver
 */
export async function countByIndexes(lane: Lane, report: Report): Promise<string[]> {
  return await lane.attempt(async (attempt) => await count(attempt, report));
}

async function count(lane: Lane, report: Report): Promise<string[]> {
  const unproven: string[] = [];
  const byScan = await rowsOf(
    lane,
    "select pg_catalog.concat(pg_catalog.count(*)) as n from only public.audit_chain as c",
  );
  for (const { name, condition } of INDEXES) {
    const query = `select pg_catalog.concat(pg_catalog.count(*)) as n from only public.audit_chain as c where ${condition}`;
    await allowIndexes(lane, true);
    const plan = await lane.query.unsafe<{ "QUERY PLAN": unknown }[]>(`explain (format json, costs off) ${query}`);
    const used = indexOf(plan[0]?.["QUERY PLAN"]);
    const byIndex = used === name ? await rowsOf(lane, query) : null;
    await allowIndexes(lane, false);
    if (byIndex === null) {
      unproven.push(`the chain cannot be read by the index ${name}, so that it cannot be compared with the table`);
    } else if (byIndex !== byScan) {
      report({
        check: "index_mismatch",
        expected: `${byScan} rows, as in public.audit_chain`,
        actual: `${byIndex} rows`,
        message: `the index ${name} does not have the rows of public.audit_chain`,
      });
    }
  }
  return unproven;
}

async function rowsOf(lane: Lane, query: string): Promise<string> {
  const [row] = await lane.query.unsafe<{ n: string }[]>(query);
  return row?.n ?? "";
}

async function allowIndexes(lane: Lane, allowed: boolean): Promise<void> {
  const [on, off] = allowed ? ["on", "off"] : ["off", "on"];
  await lane.query.unsafe(`set local enable_seqscan = ${off}`);
  await lane.query.unsafe(`set local enable_indexscan = ${on}`);
  await lane.query.unsafe(`set local enable_indexonlyscan = ${on}`);
}

/** The one index that a plan scans, whatever stands above it; null where there is another scan. */
function indexOf(plan: unknown): string | null {
  const root: unknown = Array.isArray(plan) ? (plan[0] as { Plan?: unknown } | undefined)?.Plan : undefined;
  let node = root;
  while (isNode(node)) {
    if (SCANS.has(node["Node Type"])) return node["Index Name"] ?? null;
    node = node.Plans?.[0];
  }
  return null;
}

interface PlanNode {
  readonly "Node Type": string;
  readonly "Index Name"?: string;
  readonly Plans?: readonly unknown[];
}

const isNode = (value: unknown): value is PlanNode =>
  typeof value === "object" && value !== null && "Node Type" in value && typeof value["Node Type"] === "string";
