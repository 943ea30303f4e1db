import { canonicalJson } from "@scidex/audit-core";
import { Cursor } from "../cursor.ts";
import type { Lane } from "../snapshot.ts";
import type { ExplainedNode } from "./lookup.ts";

/** Settings until the end of the lane's `attempt`. */
export async function useSettings(lane: Lane, settings: readonly string[]): Promise<void> {
  for (const setting of settings) await lane.query.unsafe(`set local ${setting}`);
}

/** The plan that a statement gets. */
export async function explained(lane: Lane, statement: string): Promise<ExplainedNode | undefined> {
  const rows = await lane.query.unsafe<{ "QUERY PLAN": readonly { readonly Plan?: ExplainedNode }[] }[]>(
    `explain (format json, costs off) ${statement}`,
  );
  return rows[0]?.["QUERY PLAN"][0]?.Plan;
}

/** Keys of rows, as events have them: as many as are named, and how many rows there are. */
export interface Rows {
  readonly keys: readonly string[];
  readonly count: number;
}

/** As many rows are named, of each thing that is checked. */
export const MAX_NAMED = 1_000;

/** Runs a statement that yields the key columns of rows. */
export async function readKeys(lane: Lane, statement: string): Promise<Rows> {
  const cursor = Cursor.text(await lane.copy(statement, "text"), (fields) => fields);
  const keys: string[] = [];
  let count = 0;
  for (let row = await cursor.next(); row !== undefined; row = await cursor.next())
    if (++count <= MAX_NAMED) keys.push(eventKey(row));
  return { keys, count };
}

/** As capture writes the key of an event; of a row without one, what there is. */
function eventKey(fields: readonly (string | null)[]): string {
  const texts = fields.map((field) => field ?? "NULL");
  return texts.length === 1 ? (texts[0] ?? "") : canonicalJson(texts);
}
