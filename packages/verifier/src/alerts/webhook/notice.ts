import { CHECKS, type CheckName } from "@scidex/audit-reader";
import type { VerificationReport } from "../../report/verification-report.ts";
import type { Alert } from "../memory/alert-memory.ts";
import { clearsItself } from "../memory/lifecycle.ts";

/** What is said of alerts: that they have begun, that they still stand, that they are over. */
export type NoticeState = "firing" | "standing" | "resolved";

/** What the webhook is told at once. */
export interface Notice {
  readonly state: NoticeState;
  readonly now: Date;
  readonly origin: string | null;
  /** The database's name and where it is. */
  readonly database: string;
  readonly alerts: readonly Alert[];
  /** Checks of which other alerts are not over. */
  readonly openChecks: ReadonlySet<string>;
  /** Until when a receiver that forgets may take them to stand. */
  readonly until: Date;
  /** What the run has found, without the findings; null where it came to no report. */
  readonly report: Omit<VerificationReport, "divergences"> | null;
}

const DOCS = "https://github.com/scidex/audit-chain/blob/main/docs";

/** What to do about a finding of that check: a section of docs/incident.md. */
export function runbookOf(check: string): string {
  if (clearsItself(check)) return `${DOCS}/incident.md#findings-of-silence`;
  const group = CHECKS[check as CheckName] as string | undefined;
  return `${DOCS}/incident.md${group === undefined ? "" : `#findings-of-${group}`}`;
}

/** What names a kind of alert in one log, for receivers that join what belongs together. */
export const groupKey = ({ origin, database }: Notice, check: string): string =>
  `audit-chain/${origin ?? database}/${check}`;

/** A sentence on what is said. */
export function headline({ state, origin, database, alerts }: Notice): string {
  const count = `${alerts.length} ${alerts.length === 1 ? "finding" : "findings"}`;
  const what = {
    firing: `${count} of tampering`,
    standing: `${count} not acknowledged yet`,
    resolved: `${count} resolved`,
  }[state];
  return `Audit chain ${origin ?? ""}${origin === null ? "" : " "}(${database}): ${what}`;
}

/** A finding on one line. */
export function lineOf({ check, details, gone }: Alert): string {
  const { seq, event_kind: kind, event_pk: pk, message } = details;
  const where = [
    ...(typeof seq === "number" || typeof seq === "string" ? [`link ${seq}`] : []),
    ...(typeof kind === "string" && typeof pk === "string" ? [`${kind} ${pk}`] : []),
  ];
  const place = where.length === 0 ? "" : ` (${where.join(", ")})`;
  return `${check}${place}: ${String(message)}${gone === null ? "" : ` Not found any more since ${gone}.`}`;
}

/** At most that many UTF-16 units of a text, with an ellipsis where some are missing. */
export const cut = (text: string, max: number): string =>
  text.length <= max ? text : `${text.slice(0, max - 1).toWellFormed()}…`;
