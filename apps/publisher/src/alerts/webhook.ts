import { createHmac } from "node:crypto";
import { jsonForm } from "@scidex/audit-core";
import { request, type RequestOptions } from "./http-request.ts";

/** Where alerts are posted, and the secret that shows the receiver who it was. */
export interface Webhook extends RequestOptions {
  readonly url: URL;
  /** At least `MIN_SECRET_LENGTH` characters. */
  readonly secret: string;
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
 * Posts a message as JSON, signed, until the receiver answers with 2xx.
 *
 * @throws {PublisherError} `service`, `aborted`
 */
export async function postWebhook(webhook: Webhook, message: object): Promise<void> {
  const body = JSON.stringify(jsonForm(message));
  await request(
    webhook.url,
    () => {
      const timestamp = String(Math.floor(Date.now() / 1_000));
      return {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          "User-Agent": "audit-publisher",
          [TIMESTAMP_HEADER]: timestamp,
          [SIGNATURE_HEADER]: webhookSignature(webhook.secret, timestamp, body),
        },
        body,
      };
    },
    webhook,
  );
}
