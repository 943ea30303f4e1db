import { messageOf, PublisherError } from "../errors.ts";
import { beat, type Heartbeat } from "../alerts/heartbeat.ts";
import { noteFailure, updateMetrics } from "../alerts/metrics-file.ts";
import { publishHead } from "./publish-head.ts";
import type { PublishOptions } from "./publish-options.ts";
import type { PublishResult } from "./result.ts";
import { publicationSamples } from "./publication-samples.ts";
import { postWebhook, type Webhook } from "../alerts/webhook.ts";

export interface TellOptions {
  /**
   * Told whenever a finding keeps the publisher from signing, at every run: as long as it stands nothing is signed; and
   * whenever somebody holds the chain's lock who could not be ended.
   */
  readonly webhook?: Webhook | undefined;
  /** Called when every sink has the head. */
  readonly heartbeat?: Heartbeat | undefined;
  /** Path of a metrics file. */
  readonly metrics?: string | undefined;
}

export interface ToldPublication {
  readonly result: PublishResult;
  /** What could not be done beside the publication; all are among the warnings too. */
  readonly failures: readonly string[];
}

/** `publishHead`, and then tells those who should hear of it. Throws what `publishHead` does. */
export async function publishAndTell(options: PublishOptions, tell: TellOptions): Promise<ToldPublication> {
  const failures: string[] = [];
  const attempt = async (work: Promise<void>): Promise<void> =>
    work.catch((error: unknown) => void failures.push(messageOf(error)));
  const { webhook, heartbeat, metrics } = tell;
  try {
    const result = await publishHead(options);
    const { divergences, ...report } = result;
    if (webhook && result.status === "tampered")
      await attempt(postWebhook(webhook, { event: "audit_chain_not_signed", report, divergences }));
    const held = result.lock_holders.filter(({ ended }) => !ended);
    if (held.length > 0) {
      failures.push(...held.map(({ message }) => `alert: ${message}`));
      if (webhook) await attempt(postWebhook(webhook, { event: "audit_chain_lock_held", report, lock_holders: held }));
    }
    if (heartbeat && result.status === "intact") await attempt(beat(heartbeat));
    if (metrics !== undefined) await attempt(updateMetrics(metrics, "publish", publicationSamples(result, Date.now())));
    return { result: { ...result, warnings: [...result.warnings, ...failures] }, failures };
  } catch (error) {
    return noteFailure(metrics, "publish", explained(error));
  }
}

/** PostgreSQL's error about a right that is missing, with what to grant; any other as it is. */
function explained(error: unknown): unknown {
  if (!(error instanceof Error && "code" in error && error.code === "42501")) return error;
  return new PublisherError("database", `${error.message}: grant scidex_audit_publisher to this login`, {
    cause: error,
  });
}
