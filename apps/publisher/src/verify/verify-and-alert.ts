import { readFile } from "node:fs/promises";
import { connect } from "@scidex/audit-command";
import {
  EMPTY_STATE,
  formatState,
  type KnownLog,
  parseState,
  VerifierError,
  type VerifierState,
} from "@scidex/audit-reader";
import { type Overview, type Trust, type VerificationReport, verify, type VerifyOptions } from "@scidex/audit-verifier";
import type { Sql } from "postgres";
import { AlertFile } from "../alerts/alert-file.ts";
import { deliverAlerts } from "../alerts/deliver-alerts.ts";
import { replaceDurably } from "../state/durable-file.ts";
import { errno, messageOf, PublisherError } from "../errors.ts";
import { beat, type Heartbeat } from "../alerts/heartbeat.ts";
import { clonesOf } from "../state/key-file.ts";
import { noteFailure, updateMetrics } from "../alerts/metrics-file.ts";
import { openSinks } from "../sinks/open-sinks.ts";
import type { AlertedReport, AlertedVerification } from "./alerted-report.ts";
import { readPublishedTimes } from "./published-times.ts";
import { verificationSamples } from "./verification-samples.ts";
import { parseState as parsePublisherState, type State } from "../state/state.ts";
import type { Webhook } from "../alerts/webhook.ts";

export interface VerifyAndAlertOptions
  extends
    Pick<Trust, "origin" | "keys" | "policy">,
    Pick<VerifyOptions, "checks" | "maxHeadAgeMs" | "allowUnanchored" | "onProgress" | "signal"> {
  /** A client of the database; a member of `scidex_audit_inspector`. Reads only. */
  readonly database: Sql;
  /** Where alerts are written, as a member of `scidex_audit_alert`. Opened only when there is something to write. */
  readonly alertDatabaseUrl: string;
  /** Path of the alert memory; made if it is not there. */
  readonly alertMemory: string;
  /** Sink URLs. */
  readonly sinks: readonly string[];
  /**
   * Verify only from the newest published head on that is older than this, in milliseconds; what that head itself has
   * published is included, so that the range begins at the head before. Without it everything is verified, also rows
   * that no event belongs to, which a part cannot judge.
   */
  readonly sinceHeadMs?: number | undefined;
  /** Path of the verifier's memory of what the sinks held, as `audit-verify --state` keeps it. */
  readonly stateFile?: string | undefined;
  /** Path of the publisher's state, where it can be read: it knows what the sinks must hold, and of which database. */
  readonly publisherState?: string | undefined;
  readonly webhook?: Webhook | undefined;
  readonly heartbeat?: Heartbeat | undefined;
  /** Path of a metrics file. */
  readonly metrics?: string | undefined;
  /**
   * Called with what was found and alerted, before the heartbeat, to write it somewhere. Where it fails, that is a failure
   * like that of any other file.
   */
  readonly onReport?: ((report: AlertedReport, overview: Overview) => Promise<void>) | undefined;
  /** How long to wait for another run that alerts, in milliseconds. */
  readonly alertLockWaitMs?: number | undefined;
  /** How long one insert of alerts may take, in milliseconds. */
  readonly alertTimeoutMs?: number | undefined;
}

/**
 * Verifies, and says once of each finding that it is there: a row in `senate_alerts`, a request to the webhook. What has
 * been said is remembered in a file, never asked of the database. Then the metrics, and the heartbeat if all is well.
 *
 * A table, webhook, heartbeat or file that fails does not hold up the others, and changes nothing about the report.
 *
 * @throws {PublisherError} `configuration`
 * @throws {VerifierError} as `verify`; errors of the driver
 */
export async function verifyAndAlert(options: VerifyAndAlertOptions): Promise<AlertedVerification> {
  const run = options.sinceHeadMs === undefined ? "full" : "window";
  const failures: string[] = [];
  const attempt = async (work: Promise<void>): Promise<void> =>
    work.catch((error: unknown) => void failures.push(messageOf(error)));
  const { metrics, heartbeat } = options;
  try {
    const { report, newest, overview } = await verified(options, failures);
    const now = new Date();
    const { summary, warnings } = await deliverAlerts(
      {
        memory: options.alertMemory,
        database: options.database,
        openTable: async () => connect(options.alertDatabaseUrl, { applicationName: "audit-publisher alert", max: 1 }),
        webhook: options.webhook,
        lockWaitMs: options.alertLockWaitMs,
        tableTimeoutMs: options.alertTimeoutMs,
      },
      report,
      { isFull: run === "full", now },
    );
    if (summary.pending > 0) failures.push(...warnings);
    const alerted: AlertedReport = { ...report, alerts: summary };
    if (options.onReport !== undefined)
      await attempt(options.onReport({ ...alerted, warnings: [...report.warnings, ...warnings] }, overview));
    if (heartbeat && report.status === "intact" && failures.length === 0) await attempt(beat(heartbeat));
    if (metrics !== undefined) await attempt(updateMetrics(metrics, run, verificationSamples(alerted, newest, +now)));
    const said = [...report.warnings, ...warnings, ...failures.filter((failure) => !warnings.includes(failure))];
    return { report: { ...alerted, warnings: said }, failures };
  } catch (error) {
    return noteFailure(metrics, run, error);
  }
}

async function verified(
  options: VerifyAndAlertOptions,
  failures: string[],
): Promise<{ report: VerificationReport; newest: bigint | undefined; overview: Overview }> {
  const { stateFile, sinceHeadMs, keys = [], policy } = options;
  const state = await known(options, failures);
  const sinks = openSinks(options.sinks, { folder: clonesOf(stateFile ?? options.alertMemory) });
  try {
    const cutoff = BigInt(Math.floor((Date.now() - (sinceHeadMs ?? 0)) / 1_000));
    const origin = options.origin ?? policy?.origin ?? undefined;
    const { newest, seqBefore } = await readPublishedTimes(sinks, keys, origin, cutoff);
    const trust = { origin: options.origin, keys, heads: sinks, policy, state };
    const verification = await verify(options.database, trust, {
      checks: options.checks,
      maxHeadAgeMs: options.maxHeadAgeMs,
      allowUnanchored: options.allowUnanchored,
      onProgress: options.onProgress,
      signal: options.signal,
      // From that head's own link on, so that it is held against the head too: behind it, a chain that was cut below would
      // just have nothing to show. A log that is younger is verified as a whole.
      ...(sinceHeadMs === undefined || seqBefore === undefined ? {} : { startSeq: seqBefore }),
    });
    if (stateFile !== undefined)
      await replaceDurably(stateFile, formatState(verification.state)).catch(
        (error: unknown) => void failures.push(`the state file ${stateFile} can't be written: ${messageOf(error)}`),
      );
    const { report, overview } = verification;
    return { report, newest, overview };
  } finally {
    await Promise.all(sinks.map(async (sink) => sink.close()));
  }
}

/** What this machine remembers: the verifier's state, the publisher's, and since when a verdict is awaited. */
async function known(
  { stateFile, publisherState, alertMemory, origin }: VerifyAndAlertOptions,
  failures: string[],
): Promise<VerifierState> {
  const own = stateFile === undefined ? EMPTY_STATE : await readState(stateFile);
  const publisher = publisherState === undefined ? undefined : await readPublisher(publisherState, failures);
  const isOfThisLog = publisher !== undefined && (origin === undefined || origin === publisher.origin);
  const { firstRun, lastFull } = await new AlertFile(alertMemory, []).load();
  const times = [lastFull ?? firstRun].flatMap((time) => (time === null ? [] : [Date.parse(time)]));
  return {
    sinks: new Map([...own.sinks, ...(isOfThisLog ? logsOf(publisher, own) : [])]),
    server: own.server ?? (isOfThisLog ? publisher.server : null),
    awaitedSince: [
      ...times,
      ...(own.awaitedSince === null || own.awaitedSince === undefined ? [] : [own.awaitedSince]),
    ].reduce<number | null>((latest, time) => (latest === null || time > latest ? time : latest), null),
  };
}

/** What the publisher knows of sinks beyond what the verifier does. */
function logsOf({ sinks }: State, own: VerifierState): (readonly [string, KnownLog])[] {
  return Object.entries(sinks).flatMap(([name, { lines, digest, last, before }]) =>
    last === null || lines < (own.sinks.get(name)?.lines ?? 0)
      ? []
      : [[name, { lines, digest, last: { line: last, before } }] as const],
  );
}

/** The publisher's state is a help here. Who may not read it, or has none, verifies without. */
async function readPublisher(path: string, failures: string[]): Promise<State | undefined> {
  try {
    return parsePublisherState(await readFile(path, "utf8"), path);
  } catch (error) {
    if (error instanceof PublisherError) failures.push(error.message);
    return undefined;
  }
}

async function readState(path: string): Promise<VerifierState> {
  try {
    return parseState(await readFile(path, "utf8"));
  } catch (cause) {
    if (errno(cause) === "ENOENT") return EMPTY_STATE;
    const what = cause instanceof VerifierError ? "" : "can't be read: ";
    throw new PublisherError("configuration", `the state file ${path}: ${what}${messageOf(cause)}`, { cause });
  }
}
