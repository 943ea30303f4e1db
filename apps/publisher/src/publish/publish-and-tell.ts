import { clientName } from "@scidex/audit-command";
import { failuresOf, postIncident, type Webhook } from "@scidex/audit-verifier/alerts";
import { PublisherError } from "../errors.ts";
import { beat, type Heartbeat } from "../alerts/heartbeat.ts";
import { noteFailure } from "../metrics/metrics-file.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { publishHead } from "./publish-head.ts";
import { readKeyFile } from "../state/key-file.ts";
import type { PublishOptions } from "./publish-options.ts";
import type { PublishResult } from "./result.ts";
import { publicationSamples } from "./publication-samples.ts";
import type { LockHolder } from "../sealing/free-lock.ts";

export interface TellOptions {
  /**
   * Told whenever a finding keeps the publisher from signing, at every run: as long as it stands nothing is signed; and
   * whenever somebody holds the chain's lock who could not be ended.
   */
  readonly webhook?: Webhook | undefined;
  /** Called when every sink has the head. */
  readonly heartbeat?: Heartbeat | undefined;
  readonly metrics?: Metrics | undefined;
}

export interface ToldPublication {
  readonly result: PublishResult;
  /** What could not be done beside the publication; all are among the warnings too. */
  readonly failures: readonly string[];
}

/** `publishHead`, and then tells those who should hear of it. Throws what `publishHead` does. */
export async function publishAndTell(options: PublishOptions, tell: TellOptions): Promise<ToldPublication> {
  try {
    const result = await publishHead(options);
    const about = await aboutOf(options);
    const held = result.lockHolders.filter(({ ended }) => !ended);
    const failures = [
      ...(await tellFindings(result, tell, about)),
      ...held.map(({ message }) => `alert: ${message}`),
      ...(await tellHolders(result, held, tell, about)),
      ...(await tellProgress(result, tell)),
    ];
    return { result: { ...result, warnings: [...result.warnings, ...failures] }, failures };
  } catch (error) {
    return noteFailure(tell.metrics, "publish", explained(error));
  }
}

/** What is published, and when, for those who are told. */
interface About {
  readonly origin: string | null;
  readonly database: string;
  readonly now: Date;
}

async function aboutOf({ database, origin, keyFile }: PublishOptions): Promise<About> {
  const name =
    origin ??
    (await readKeyFile(keyFile).then(
      ({ log }) => log.name,
      () => null,
    ));
  return { origin: name, database: clientName(database), now: new Date() };
}

async function tellFindings(result: PublishResult, { webhook }: TellOptions, about: About): Promise<string[]> {
  if (webhook === undefined || result.status !== "tampered") return [];
  const { divergences, ...report } = result;
  const lines = divergences.map(({ check, message }) => `${check}: ${message}`);
  return failuresOf(
    postIncident(webhook, { ...about, event: "audit_chain_not_signed", lines, details: { report, divergences } }),
  );
}

async function tellHolders(
  result: PublishResult,
  held: readonly LockHolder[],
  { webhook }: TellOptions,
  about: About,
): Promise<string[]> {
  if (webhook === undefined || held.length === 0) return [];
  const { divergences: _, ...report } = result;
  const lines = held.map(({ message }) => message);
  return failuresOf(
    postIncident(webhook, { ...about, event: "audit_chain_lock_held", lines, details: { report, lockHolders: held } }),
  );
}

async function tellProgress(result: PublishResult, { heartbeat, metrics }: TellOptions): Promise<string[]> {
  const isIntact = result.status === "intact";
  const unbeaten = heartbeat !== undefined && isIntact ? await failuresOf(beat(heartbeat)) : [];
  if (metrics === undefined) return unbeaten;
  const samples = publicationSamples(result, Date.now());
  return [...unbeaten, ...(await failuresOf(metrics.update("publish", samples)))];
}

/** PostgreSQL's error about a right that is missing, with what to grant; any other as it is. */
function explained(error: unknown): unknown {
  if (!(error instanceof Error && "code" in error && error.code === "42501")) return error;
  return new PublisherError("database", `${error.message}: grant scidex_audit_publisher to this login`, {
    cause: error,
  });
}
