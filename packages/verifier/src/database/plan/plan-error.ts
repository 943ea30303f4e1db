/**
 * The server has planned something else than it was asked for: whatever it answers is not to be believed. Somebody has
 * changed a catalog, or is changing one just now.
 */
export class PlanError extends Error {
  override readonly name = "PlanError";
  readonly statement: string;
  /** What is different, as a path into the plan. */
  readonly difference: string;

  constructor(statement: string, difference: string) {
    super(`the server does not run what it was asked for: ${difference} (${statement.slice(0, 200)})`);
    this.statement = statement;
    this.difference = difference;
  }
}
