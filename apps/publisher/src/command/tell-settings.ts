import type { Command } from "commander";
import { PublisherError } from "../errors.ts";
import type { Heartbeat } from "../alerts/heartbeat.ts";
import { parseServiceUrl } from "../alerts/http-request.ts";
import { MIN_SECRET_LENGTH, type Webhook } from "../alerts/webhook.ts";

/** The options of all commands that tell others how it went. */
export interface TellFlags {
  readonly alertWebhook?: string;
  readonly metrics?: string;
}

/** What the help of these commands says of the environment. */
export const TELL_ENVIRONMENT =
  "AUDIT_ALERT_WEBHOOK (for --alert-webhook), AUDIT_WEBHOOK_SECRET (signs what is posted there)";

export function addTellOptions(command: Command, what: string): Command {
  return command
    .option("--alert-webhook <url>", `post ${what} there as JSON, signed with AUDIT_WEBHOOK_SECRET`)
    .option("--metrics <file>", "keep Prometheus metrics in this file (name it *.prom for node_exporter)");
}

/**
 * The webhook of `--alert-webhook`, else of AUDIT_ALERT_WEBHOOK.
 *
 * @throws {PublisherError} `configuration`
 */
export function webhookOf(flag: string | undefined, signal?: AbortSignal): Webhook | undefined {
  const fromEnvironment = process.env["AUDIT_ALERT_WEBHOOK"]?.trim();
  const text = flag ?? fromEnvironment;
  if (text === undefined || text === "") return undefined;
  const secret = process.env["AUDIT_WEBHOOK_SECRET"] ?? "";
  if (secret.length < MIN_SECRET_LENGTH)
    throw new PublisherError(
      "configuration",
      `AUDIT_WEBHOOK_SECRET ${secret === "" ? "is not set" : "is too short"}: it signs what is posted to the webhook, so that the receiver knows who it is from. Expected at least ${MIN_SECRET_LENGTH} characters that nobody can guess, for example from: openssl rand -hex 32`,
    );
  return { url: parseServiceUrl(flag === undefined ? "AUDIT_ALERT_WEBHOOK" : "--alert-webhook", text), secret, signal };
}

/** @param option its name, for messages */
export function heartbeatOf(option: string, flag: string | undefined, signal?: AbortSignal): Heartbeat | undefined {
  return flag === undefined ? undefined : { url: parseServiceUrl(option, flag), signal };
}
