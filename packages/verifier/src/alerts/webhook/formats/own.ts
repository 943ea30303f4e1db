import { jsonForm } from "@scidex/audit-core";
import { type Notice, runbookOf } from "../notice.ts";

/** The `event` of each state. */
const EVENTS = {
  firing: "audit_chain_break",
  standing: "audit_chain_break_standing",
  resolved: "audit_chain_break_resolved",
} as const;

/** Our own form: all that there is to know (docs/operating.md). */
export const ownForm = ({ state, now, origin, database, alerts, report }: Notice): object[] => [
  jsonForm({
    event: EVENTS[state],
    state,
    time: now.toISOString(),
    origin,
    database,
    report,
    divergences: alerts.map(({ details, fingerprint, check, since, gone, acknowledged }) => ({
      ...details,
      fingerprint,
      since,
      goneSince: gone,
      acknowledged,
      runbook: runbookOf(check),
    })),
  }) as object,
];
