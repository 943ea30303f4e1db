import { createHmac } from "node:crypto";
import { alertmanagerForm } from "./formats/alertmanager.ts";
import { ownForm } from "./formats/own.ts";
import { pagerDutyForm } from "./formats/pagerduty.ts";
import { slackForm } from "./formats/slack.ts";
import { request, type RequestOptions } from "./http-request.ts";
import type { Notice } from "./notice.ts";

/** How what is posted is written: in our own form, or in one that a receiver takes as it is. */
export const WEBHOOK_FORMATS = ["json", "slack", "pagerduty", "alertmanager"] as const;
export type WebhookFormat = (typeof WEBHOOK_FORMATS)[number];

/** Where alerts are posted. */
export interface Webhook extends RequestOptions {
  readonly url: URL;
  /**
   * Shows the receiver who it was; at least `MIN_SECRET_LENGTH` characters. Of PagerDuty the integration's routing key. Slack
   * and Alertmanager do not ask for one.
   */
  readonly secret: string;
  /** `json` if not given. */
  readonly format?: WebhookFormat | undefined;
}

/** A shorter secret can be guessed from one signed request. */
export const MIN_SECRET_LENGTH = 16;

export const SIGNATURE_HEADER = "X-Audit-Signature";
export const TIMESTAMP_HEADER = "X-Audit-Timestamp";

/**
 * The signature of a request: `sha256=` and the lower-case hex of HMAC-SHA256, under the secret as UTF-8, of the
 * timestamp header, a full stop and the body, byte by byte. A receiver computes the same, compares in constant time, and
 * refuses a timestamp that is more than a few minutes old: then nobody can play a request again.
 *
 * @param timestamp seconds since the Unix epoch, as in `X-Audit-Timestamp`
 */
export function webhookSignature(secret: string, timestamp: string, body: string): string {
  return `sha256=${createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex")}`;
}

/**
 * Says it in the webhook's form.
 *
 * @throws {CommandError} `unavailable`, `interrupted`
 */
export async function postNotice(webhook: Webhook, notice: Notice): Promise<void> {
  const forms = {
    json: ownForm,
    slack: slackForm,
    pagerduty: (said: Notice) => pagerDutyForm(said, webhook.secret),
    alertmanager: alertmanagerForm,
  };
  for (const body of forms[webhook.format ?? "json"](notice)) await postWebhook(webhook, body);
}

/**
 * Posts a message as JSON until the receiver answers with 2xx; signed, where it is of our own form.
 *
 * @throws {CommandError} `unavailable`, `interrupted`
 */
export async function postWebhook(webhook: Webhook, message: object): Promise<void> {
  const body = JSON.stringify(message);
  const isOurs = (webhook.format ?? "json") === "json";
  await request(
    webhook.url,
    () => {
      const timestamp = String(Math.floor(Date.now() / 1_000));
      return {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          "User-Agent": "audit-chain",
          ...(isOurs
            ? {
                [TIMESTAMP_HEADER]: timestamp,
                [SIGNATURE_HEADER]: webhookSignature(webhook.secret, timestamp, body),
              }
            : {}),
        },
        body,
      };
    },
    webhook,
  );
}
