import type { Lane } from "./lane.ts";
import { type Closed, plannedForm, type PlanShape, planTreeOf, shapeOf } from "./plan/closed-plan.ts";

/** The plan that a statement gets, which nothing may be in but what `closed` says. It is not run. */
export async function plannedShape(lane: Lane, statement: string, closed: Closed): Promise<PlanShape> {
  return shapeOf(planTreeOf(await lane.planOf(plannedForm(statement, closed))));
}
