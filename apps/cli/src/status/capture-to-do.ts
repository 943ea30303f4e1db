import type { CaptureState } from "./capture-state.ts";
import type { ToDo } from "./status-report.ts";

/** What to do where nobody follows the log. */
export function captureToDo(capture: CaptureState | null): ToDo[] {
  if (capture === null || capture.is_active) return [];
  const { slot, wal_status: status } = capture;
  const problem =
    status === null
      ? `the slot ${slot} is gone: what is written into tables of the mode stream is lost until capture begins anew`
      : status === "lost"
        ? `the slot ${slot} is too far behind: the server has removed what it would have sent`
        : `nobody follows the slot ${slot}: the server keeps the log for it, and rows wait to be linked`;
  return [{ about: null, problem, run: "audit-publisher capture" }];
}
