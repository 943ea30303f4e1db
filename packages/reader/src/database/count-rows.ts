import { BinaryCopyDecoder } from "./copy/copy-binary.ts";
import type { Lane } from "./lane.ts";
import { type Closed, closedForm, type PlanShape } from "./plan/closed-plan.ts";
import { plannedShape } from "./planned-shape.ts";

/**
 * How many rows a statement yields; null where the server plans to get them in another way. They are counted here: the
 * server's own aggregate calls a function that stands in no plan.
 *
 * @param statement a SELECT without columns, so that a row has two bytes
 * @param isRight whether a plan for the statement is the one that is wanted
 */
export async function countRows(
  lane: Lane,
  statement: string,
  closed: Closed,
  isRight: (plan: PlanShape) => boolean,
): Promise<number | null> {
  if (!isRight(await plannedShape(lane, statement, closed))) return null;
  const form = closedForm(statement, closed, (plan) => (isRight(plan) ? null : "another way"));
  const chunks = await lane.read(form, "binary");
  const decoder = new BinaryCopyDecoder(0);
  let rows = 0;
  for (let piece = await chunks.next(); piece.done !== true; piece = await chunks.next())
    decoder.pushBytes(piece.value, () => rows++);
  return decoder.ended ? rows : null;
}

/** Whether a plan reads a table from its beginning to its end. */
export const isWholeScan = (plan: PlanShape): boolean => plan.node === "SEQSCAN" && !plan.isFiltered;
