import type { CaptureMode } from "@scidex/audit-core";

/** The triggers that attach makes on a table, by name. Rows in the mode `stream` come from the write-ahead log. */
export function triggersOf({ changes, mode }: { readonly changes: string; readonly mode: CaptureMode }): string[] {
  const guard = changes === "track" ? [] : ["audit_chain_guard"];
  const capture = mode === "stream" ? [] : changes === "track" ? ["0_audit_chain_track"] : ["audit_chain_capture"];
  return [...capture, ...guard, "audit_chain_guard_truncate"];
}
