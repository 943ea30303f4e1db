/**
 * Alerts for Prometheus' Alertmanager (API v2, `POST /api/v2/alerts`). It takes an alert to be over at `endsAt`, and forgets
 * all of them when it starts anew: so everything that is not over is said at each run, with an end that the next run
 * postpones. Labels identify an alert and must not change; what can stands in annotations.
 */
import { CHECKS, type CheckName } from "@scidex/audit-reader";
import { cut, lineOf, type Notice, runbookOf } from "../notice.ts";

const MAX_TEXT = 2_000;

export const alertmanagerForm = ({ state, now, until, origin, database, alerts }: Notice): object[] => [
  alerts.map((alert) => {
    const { fingerprint, check, since, gone, acknowledged } = alert;
    return {
      labels: {
        alertname: "AuditChainFinding",
        severity: "critical",
        check,
        group: CHECKS[check as CheckName],
        database,
        fingerprint,
        ...(origin === null ? {} : { origin }),
      },
      annotations: {
        summary: cut(lineOf(alert), MAX_TEXT),
        runbook_url: runbookOf(check),
        ...(gone === null ? {} : { gone_since: gone }),
        ...(acknowledged === null ? {} : { acknowledged_by: acknowledged.by, reason: acknowledged.reason }),
      },
      startsAt: since,
      endsAt: (state === "resolved" ? now : until).toISOString(),
      generatorURL: runbookOf(check),
    };
  }),
];
