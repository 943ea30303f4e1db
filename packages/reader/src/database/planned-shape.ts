import type { Lane } from "./lane.ts";
import { type Closed, plannedForm, type PlanShape, shapeOf } from "./plan/closed-plan.ts";

/** The plan that a statement gets, which nothing may be in but what `closed` says. It is not run. */
export async function plannedShape(lane: Lane, statement: string, closed: Closed): Promise<PlanShape> {
  const [shape] = await plannedShapes(lane, [{ statement, closed }]);
  if (shape === undefined) throw new Error("no plan was asked for");
  return shape;
}

/** The same of several statements, which are sent at once. */
export async function plannedShapes(
  lane: Lane,
  statements: readonly { readonly statement: string; readonly closed: Closed }[],
): Promise<PlanShape[]> {
  const plans = await lane.plansOf(statements.map(({ statement, closed }) => plannedForm(statement, closed)));
  return plans.map(shapeOf);
}
