// drizzle wraps a driver's error into one whose message repeats the statement with all its parameters. What is wanted is on
// the innermost: its code (SQLSTATE, or SQLite's name of a result code) and its own words.

/** The driver's code; the empty text where there is none. */
export function driverCode(error: unknown): string {
  if (!(error instanceof Error)) return "";
  if ("code" in error && typeof error.code === "string") return error.code;
  return driverCode(error.cause);
}

/** The driver's message and code. */
export function driverMessage(error: unknown): string {
  if (!(error instanceof Error)) return "unknown reason";
  if (error.cause instanceof Error) return driverMessage(error.cause);
  const code = driverCode(error);
  const message = error.message || error.name;
  return code === "" || message.includes(code) ? message : `${message} (${code})`;
}
