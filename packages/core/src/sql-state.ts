/**
 * The SQLSTATE of a database error, whichever driver it comes from and however deep drizzle has wrapped it; undefined
 * for any other error. Codes of ours: `AC001` … `AC005` (docs/reference.md, "SQL").
 */
export function sqlState(error: unknown): string | undefined {
  let current: unknown = error;
  for (let depth = 0; depth < 8 && current instanceof Error; depth++) {
    if ("code" in current && typeof current.code === "string" && /^[0-9A-Z]{5}$/.test(current.code))
      return current.code;
    current = current.cause;
  }
  return undefined;
}
