// drizzle wraps a driver's error into one whose message repeats the statement with all its parameters. What is wanted is on
// the innermost: its code (SQLSTATE, or SQLite's name of a result code) and its own words.

/** SQLite's primary result codes that something is done about, or that are met. */
const SQLITE_CODES: Readonly<Record<number, string>> = {
  5: "SQLITE_BUSY",
  6: "SQLITE_LOCKED",
  8: "SQLITE_READONLY",
  10: "SQLITE_IOERR",
  11: "SQLITE_CORRUPT",
  13: "SQLITE_FULL",
  14: "SQLITE_CANTOPEN",
  19: "SQLITE_CONSTRAINT",
  26: "SQLITE_NOTADB",
};

/** The driver's code; the empty text where there is none. */
export function driverCode(error: unknown): string {
  if (!(error instanceof Error)) return "";
  // node:sqlite has one code for all and the result code beside it, with what it extends it by above the lowest byte.
  if ("errcode" in error && typeof error.errcode === "number")
    return SQLITE_CODES[error.errcode & 255] ?? "SQLITE_ERROR";
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
