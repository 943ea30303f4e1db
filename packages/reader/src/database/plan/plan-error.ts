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

/**
 * The plan of a relation whose columns somebody else has named cannot be told for certain: nothing is said of that relation.
 */
export class UnreadablePlanError extends Error {
  override readonly name = "UnreadablePlanError";

  /** @param why what the plan's text is like */
  constructor(why: string) {
    super(
      `the server's plan of it cannot be read for certain (${why}): give its columns shorter names, without line ends`,
    );
  }
}

/**
 * A session has never sent a plan: what is between does not keep its settings. Nothing can be believed there, and nobody is
 * accused: whoever silences the plans of a session that has sent some is another matter (PlanError).
 */
export class NoPlanError extends Error {
  override readonly name = "NoPlanError";

  constructor() {
    super(
      "the server sends no plans, as through a pooler that gives each statement another session: connect to PostgreSQL directly",
    );
  }
}
