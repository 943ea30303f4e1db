/** Connection lost, out of resources, shut down: what is left of the connection is of no use. */
const FATAL = /^(?:08|53|57P|F0)/u;
/** A relation or column that is not there, a relation that is another by now: DDL has run since the snapshot was taken. */
const TRANSIENT = new Set(["42P01", "42703", "XX000", "0A000"]);

function sqlState(error: unknown): string | null {
  if (!(error instanceof Error) || error.name !== "PostgresError" || !("code" in error)) return null;
  return typeof error.code === "string" ? error.code : null;
}

/**
 * Whether the server says that something may not or cannot be read (a right that is missing, a lock that was not to be
 * had, a value that cannot be printed, a page that is damaged), rather than that it fails altogether.
 */
export function isRefused(error: unknown): boolean {
  const code = sqlState(error);
  return code !== null && !FATAL.test(code);
}

/** Whether what was refused may be had in a fresh snapshot. */
export function isTransient(error: unknown): boolean {
  return TRANSIENT.has(sqlState(error) ?? "");
}

export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
