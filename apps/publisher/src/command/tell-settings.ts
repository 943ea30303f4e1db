import { ALERT_FORMAT, parseServiceUrl } from "@scidex/audit-verifier/alerts";
import type { Command } from "commander";
import type { Heartbeat } from "../alerts/heartbeat.ts";

/** The options of all commands that tell others how it went. */
export interface TellFlags {
  readonly alertWebhook?: string;
  readonly alertFormat?: string;
  readonly metrics?: string;
}

export function addTellOptions(command: Command, what: string): Command {
  return command
    .option("--alert-webhook <url>", `post ${what} there as JSON, signed with AUDIT_WEBHOOK_SECRET`)
    .option(...ALERT_FORMAT)
    .option("--metrics <file>", "keep Prometheus metrics in this file (name it *.prom for node_exporter)");
}

/** @param option its name, for messages */
export function heartbeatOf(option: string, flag: string | undefined, signal?: AbortSignal): Heartbeat | undefined {
  return flag === undefined ? undefined : { url: parseServiceUrl(option, flag), signal };
}
