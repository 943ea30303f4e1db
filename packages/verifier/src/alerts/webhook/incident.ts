import { jsonForm, sha256, toHex } from "@scidex/audit-core";
import { cut } from "./notice.ts";
import { postWebhook, type Webhook } from "./webhook.ts";

/** What keeps a publisher from its work, said at every run in which it does; and what the capture process sees, said once. */
export interface Incident {
  readonly event: "audit_chain_not_signed" | "audit_chain_lock_held" | "audit_chain_seen_in_log";
  readonly origin: string | null;
  readonly database: string;
  readonly now: Date;
  /** What it is, a sentence each. */
  readonly lines: readonly string[];
  /** What our own form has beside. */
  readonly details: object;
}

const TITLES = {
  audit_chain_not_signed: "nothing is signed, because of findings",
  audit_chain_lock_held: "somebody holds the chain's lock",
  audit_chain_seen_in_log: "the write-ahead log shows what should not be",
} as const;

const ALERT_NAMES = {
  audit_chain_not_signed: "AuditChainNotSigned",
  audit_chain_lock_held: "AuditChainLockHeld",
  audit_chain_seen_in_log: "AuditChainSeenInLog",
} as const;

const RUNBOOK = "https://github.com/scidex/audit-chain/blob/main/docs/incident.md";

/** How long a receiver that forgets may take it to stand: publications are an hour apart. */
const STANDS_MS = 2 * 3_600_000;

/**
 * Says it in the webhook's form.
 *
 * @throws {CommandError} `unavailable`, `interrupted`
 */
export const postIncident = async (webhook: Webhook, incident: Incident): Promise<void> =>
  postWebhook(webhook, formOf(webhook, incident));

function formOf({ format = "json", secret }: Webhook, incident: Incident): object {
  const { event, origin, database, now, lines, details } = incident;
  const title = `Audit chain ${origin === null ? "" : `${origin} `}(${database}): ${TITLES[event]}`;
  const time = now.toISOString();
  if (format === "json") return jsonForm({ event, time, origin, database, ...details }) as object;
  if (format === "slack") {
    const text = (of: string, max: number) => ({ type: "plain_text", text: cut(of, max), emoji: false });
    const sections = lines.slice(0, 20).map((line) => ({ type: "section", text: text(line, 3_000) }));
    return {
      text: title.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;"),
      blocks: [{ type: "header", text: text(title, 150) }, ...sections],
    };
  }
  if (format === "pagerduty")
    return {
      routing_key: secret,
      event_action: "trigger",
      dedup_key: toHex(sha256(`audit-chain/${origin ?? database}/${event}`)),
      payload: {
        summary: cut([title, ...lines].join(": "), 1_024),
        source: database,
        severity: "critical",
        timestamp: time,
        component: "audit-chain",
        group: origin ?? database,
        class: event,
        custom_details: { lines: lines.slice(0, 20) },
      },
      links: [{ href: RUNBOOK, text: "What to do" }],
      client: "audit-chain",
    };
  return [
    {
      labels: {
        alertname: ALERT_NAMES[event],
        severity: "critical",
        database,
        ...(origin === null ? {} : { origin }),
      },
      annotations: { summary: cut([title, ...lines].join(": "), 2_000), runbook_url: RUNBOOK },
      endsAt: new Date(now.getTime() + STANDS_MS).toISOString(),
      generatorURL: RUNBOOK,
    },
  ];
}
