/** SQLSTATEs of a right that is missing, a relation or column that is not there, a lock that was not to be had. */
const REFUSED = new Set(["42501", "42P01", "42703", "55P03"]);

/** Whether an error of the driver says that something may not or cannot be read, rather than that the server failed. */
export function isRefused(error: unknown): boolean {
  return error instanceof Error && "code" in error && REFUSED.has(String(error.code));
}
