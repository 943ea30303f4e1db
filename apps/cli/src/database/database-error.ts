import { CommandError } from "@scidex/audit-command";
import { sqlState } from "@scidex/audit-core";
import { didYouMean } from "./meant-table.ts";

/** What the advice for an error depends on. */
export interface Asker {
  readonly user: string;
  /** Who may do what was tried, for example `the table's owner`. */
  readonly right: string;
  /** Whether the command line has named what the database was asked for; else nothing is the user's mistake. */
  readonly isNaming: boolean;
  /** The table that was probably meant, where there is none of the name. */
  readonly meant?: string | undefined;
}

/** What was asked for is wrong, rather than that it could not be done: exit 2. */
const USAGE_STATES = new Set([
  "42P01", // undefined_table
  "3F000", // invalid_schema_name
  "42703", // undefined_column
  "42809", // wrong_object_type
  "42602", // invalid_name
  "42601", // syntax_error, in a table's name
  "22023", // invalid_parameter_value
  "22021", // character_not_in_repertoire
  "AC002",
  "AC003",
  "AC005",
]);

const ADVICE: Readonly<Record<string, string>> = {
  "42P01":
    "Write the name as in SQL, with its schema where that is not on the search path; audit-chain status lists the tables that are attached.",
  "3F000": "Write the name as in SQL: schema.table.",
  "55P03": "Long transactions held the table for the whole time: try again, or end them (pg_stat_activity).",
  "40P01": "Try again.",
  "40001": "Try again.",
  "57014": "Try again, or raise statement_timeout.",
  "25006": "This is a standby or a read-only session: connect to the primary.",
};

/** Codes of our own packages that say the same without the database having been asked. */
const USAGE_CODES = new Set(["bad_event", "reserved_kind"]);

/**
 * An error of the database, whatever has wrapped it, as one that says what was wrong and what to do; any other error
 * as it is. Statements and their parameters, which drizzle puts into its messages, are left out.
 */
export function explained(error: unknown, { user, right, isNaming, meant }: Asker): unknown {
  if (!(error instanceof Error) || error instanceof CommandError) return error;
  const state = sqlState(error);
  if (state === undefined) {
    const isUsage = "code" in error && USAGE_CODES.has(String(error.code));
    return isUsage ? new CommandError("usage", error.message, { cause: error }) : error;
  }
  const source = sourceOf(error);
  const { message, detail, hint } = source;
  const advice =
    (meant && didYouMean(meant)) ||
    hint ||
    (state === "42501" ? `The login "${user}" may not do this: connect as ${right}.` : ADVICE[state]);
  const text = [
    message,
    detail ? ` (${detail})` : "",
    advice === undefined ? "" : `${/[.!?]$/.test(message) && !detail ? "" : "."} ${advice}`,
    // Ours can be looked up in the documentation.
    state.startsWith("AC") ? ` [${state}]` : "",
  ].join("");
  return new CommandError(isNaming && USAGE_STATES.has(state) ? "usage" : "failed", text, { cause: error });
}

/** What wraps the database's error and says less than it: drizzle repeats the statement, the writer leaves out details. */
const WRAPPERS = new Set(["DrizzleQueryError", "WriterError"]);

/** The error that began it. */
function sourceOf(error: Error): Error & { readonly detail?: string; readonly hint?: string } {
  let current = error;
  while (WRAPPERS.has(current.constructor.name) && current.cause instanceof Error) current = current.cause;
  return current;
}
