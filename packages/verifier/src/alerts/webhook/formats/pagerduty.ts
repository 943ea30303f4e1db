/**
 * Events for PagerDuty (Events API v2, https://events.pagerduty.com/v2/enqueue): one incident for each check, so that a
 * thousand rows are not a thousand calls at night. It is resolved when the last of them is. `summary` has at most 1,024
 * characters, `dedup_key` 255.
 */
import { sha256, toHex } from "@scidex/audit-core";
import { cut, groupKey, headline, lineOf, type Notice, runbookOf } from "../notice.ts";

const MAX_LISTED = 20;
const MAX_SUMMARY = 1_024;

export function pagerDutyForm(notice: Notice, routingKey: string): object[] {
  const { state, now, origin, database, openChecks } = notice;
  const checks = [...new Set(notice.alerts.map(({ check }) => check))];
  return checks.flatMap((check): object[] => {
    const key = { routing_key: routingKey, dedup_key: toHex(sha256(groupKey(notice, check))) };
    if (state === "resolved") return openChecks.has(check) ? [] : [{ ...key, event_action: "resolve" }];
    const alerts = notice.alerts.filter((alert) => alert.check === check);
    const [first] = alerts;
    return [
      {
        ...key,
        event_action: "trigger",
        payload: {
          summary: cut(
            `${headline({ ...notice, alerts })}: ${first === undefined ? check : lineOf(first)}`,
            MAX_SUMMARY,
          ),
          source: database,
          severity: "critical",
          timestamp: now.toISOString(),
          component: "audit-chain",
          group: origin ?? database,
          class: check,
          custom_details: {
            count: alerts.length,
            findings: alerts.slice(0, MAX_LISTED).map((alert) => ({
              fingerprint: alert.fingerprint,
              since: alert.since,
              message: cut(lineOf(alert), MAX_SUMMARY),
            })),
          },
        },
        links: [{ href: runbookOf(check), text: "What to do" }],
        client: "audit-chain",
      },
    ];
  });
}
