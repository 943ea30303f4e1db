import type { Changes } from "@scidex/audit-schema";

/** An audited table of the SciDEX platform, in the schema `public`. */
export interface ScidexTable {
  readonly name: string;
  /** Tables whose rows change legitimately (who acknowledged, who cleared, and when) are tracked. */
  readonly changes: Changes;
}

/** The platform's nine audit tables. */
export const SCIDEX_TABLES: readonly ScidexTable[] = [
  { name: "artifact_provenance", changes: "refuse" },
  { name: "task_events", changes: "refuse" },
  { name: "senate_alerts", changes: "track" },
  { name: "senate_pause", changes: "track" },
  { name: "actor_write_trip_event", changes: "refuse" },
  { name: "sandbox_audit_event", changes: "refuse" },
  { name: "comment_classifier_runs", changes: "refuse" },
  { name: "audit_log", changes: "refuse" },
  { name: "governance_decision", changes: "refuse" },
];
