import { CommandError, environment } from "@scidex/audit-command";
import { parseServiceUrl } from "./http-request.ts";
import { MIN_SECRET_LENGTH, WEBHOOK_FORMATS, type Webhook, type WebhookFormat } from "./webhook.ts";

/** What the help of commands with `--alert-webhook` says of the environment. */
export const WEBHOOK_ENVIRONMENT =
  "AUDIT_ALERT_WEBHOOK (for --alert-webhook), AUDIT_ALERT_FORMAT (for --alert-format), AUDIT_WEBHOOK_SECRET (signs what is\nposted there; of PagerDuty the routing key)";

/** The option that says how what is posted is written. */
export const ALERT_FORMAT = [
  "--alert-format <format>",
  `how it is written for the webhook: ${WEBHOOK_FORMATS.join(", ")}; default json`,
] as const;

export const REMIND_EVERY = [
  "--remind-every <time>",
  "how often the webhook is reminded of findings that nobody has acknowledged; default 24h",
] as const;

/**
 * The webhook of `--alert-webhook`, else of AUDIT_ALERT_WEBHOOK.
 *
 * @throws {CommandError} `configuration`
 */
export function webhookOf(
  flags: { readonly alertWebhook?: string; readonly alertFormat?: string },
  signal?: AbortSignal,
): Webhook | undefined {
  const text = flags.alertWebhook ?? environment()["AUDIT_ALERT_WEBHOOK"]?.trim();
  if (text === undefined || text === "") return undefined;
  const format = formatOf(flags.alertFormat);
  const url = parseServiceUrl(flags.alertWebhook === undefined ? "AUDIT_ALERT_WEBHOOK" : "--alert-webhook", text);
  return { url, secret: secretOf(format), format, signal };
}

function formatOf(flag: string | undefined): WebhookFormat {
  const text = flag ?? (environment()["AUDIT_ALERT_FORMAT"]?.trim() || "json");
  const format = WEBHOOK_FORMATS.find((name) => name === text);
  if (format !== undefined) return format;
  const name = flag === undefined ? "AUDIT_ALERT_FORMAT" : "--alert-format";
  throw new CommandError("configuration", `${name} is ${JSON.stringify(text)}; expected ${WEBHOOK_FORMATS.join(", ")}`);
}

function secretOf(format: WebhookFormat): string {
  const secret = environment()["AUDIT_WEBHOOK_SECRET"] ?? "";
  if (format === "slack" || format === "alertmanager" || secret.length >= MIN_SECRET_LENGTH) return secret;
  const wrong = `AUDIT_WEBHOOK_SECRET ${secret === "" ? "is not set" : "is too short"}`;
  throw new CommandError(
    "configuration",
    format === "pagerduty"
      ? `${wrong}: expected the routing key of the integration (Events API v2)`
      : `${wrong}: it signs what is posted to the webhook, so that the receiver knows who it is from. Expected at least ${MIN_SECRET_LENGTH} characters that nobody can guess, for example from: openssl rand -hex 32`,
  );
}
