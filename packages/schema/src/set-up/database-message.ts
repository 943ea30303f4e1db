/** What the database said, whatever has wrapped it: its message, and what it adds to that. */
export function databaseMessage(error: unknown): string {
  let current: unknown = error;
  while (current instanceof Error && current.cause instanceof Error) current = current.cause;
  if (!(current instanceof Error)) return String(current);
  const detail = "detail" in current && typeof current.detail === "string" ? current.detail : "";
  return detail === "" ? current.message : `${current.message} (${detail.replaceAll("\n", "; ")})`;
}
