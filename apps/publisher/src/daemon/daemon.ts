import type { Turns } from "@scidex/audit-command";
import { isVerdict } from "@scidex/audit-verifier";
import { AlertFile } from "@scidex/audit-verifier/alerts";
import { connectUntil } from "../connect-until.ts";
import { nextDaily } from "./daily.ts";
import { messageOf } from "../errors.ts";
import type { JobEntry, JobLog, JobName } from "./job-log.ts";
import { noteFailure } from "../metrics/metrics-file.ts";
import type { RunStatus } from "../metrics/metrics.ts";
import { publishAndTell, type TellOptions } from "../publish/publish-and-tell.ts";
import type { PublishOptions } from "../publish/publish-options.ts";
import { repeat } from "./repeat.ts";
import { SEAL_BATCH } from "../sealing/seal.ts";
import { sealLoop } from "../sealing/seal-loop.ts";
import type { VerifyAndAlertOptions } from "../verify/verify-and-alert-options.ts";
import { verifyOnce } from "../verify/verify-once.ts";

export interface DaemonOptions {
  readonly sealEveryMs: number;
  readonly publishEveryMs: number;
  readonly verifyEveryMs: number;
  /** What the frequent verification covers: from the newest head on that is older than this. */
  readonly sinceHeadMs: number;
  /** When everything is verified, in milliseconds since midnight, UTC. */
  readonly fullAtMs: number;
  /** How long whoever holds the chain's lock may be idle in his transaction. */
  readonly lockIdleMs: number;
  readonly publish: Omit<PublishOptions, "database" | "signal" | "lockIdleMs">;
  readonly tellPublish: TellOptions;
  readonly verify: Omit<VerifyAndAlertOptions, "database" | "sinceHeadMs" | "heartbeat" | "onProgress">;
  readonly windowHeartbeat: VerifyAndAlertOptions["heartbeat"];
  readonly fullHeartbeat: VerifyAndAlertOptions["heartbeat"];
  readonly log: JobLog;
  readonly watcher: Watcher;
  /** Where several databases are looked after, not all are published or verified at the same moment. */
  readonly turns: Readonly<Record<"publish" | "verify", Turns>>;
  readonly signal: AbortSignal;
}

/** Whoever wants to know how the daemon stands: told whenever a run has ended by itself. */
export interface Watcher {
  ended(job: "publish" | "verify", status: RunStatus): void;
  /** A look for rows to seal that went well, also where there were none; `failed` for one that did not. */
  sealed(rows: number | "failed", durationMs: number): Promise<void>;
}

const DAY_MS = 86_400_000;

/**
 * Seals, publishes and verifies on schedule until the signal comes. The three go on beside each other, each with its own
 * connections, so that none holds up another; a failing one is logged and tried again, and ends nothing. A nightly
 * verification that was missed is made up for at the next start.
 */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  const { signal } = options;
  const published = Promise.withResolvers<void>();
  await Promise.all([
    seal(options),
    publish(options, published.resolve).finally(published.resolve),
    // Before a first head is published a verification can prove nothing.
    published.promise.then(async () => (signal.aborted ? undefined : verify(options))),
  ]);
}

async function seal({ sealEveryMs, lockIdleMs, log, watcher, signal }: DaemonOptions): Promise<void> {
  const failed = async (error: unknown): Promise<void> => {
    await watcher.sealed("failed", 0);
    await log.write({ job: "seal", status: "failed", durationMs: 0, message: messageOf(error) });
  };
  const warned = async (message: string): Promise<void> =>
    log.write({ job: "seal", status: "intact", hasWarning: true, durationMs: 0, message });
  const run = async (): Promise<boolean> => {
    try {
      const database = await connectUntil(signal, { applicationName: "audit-publisher seal", max: 1, isFinding: true });
      try {
        await sealLoop(database, {
          batch: SEAL_BATCH,
          intervalMs: sealEveryMs,
          lockIdleMs,
          onWarning: warned,
          signal,
          onLooked: async (rows, ms) => watcher.sealed(rows, ms),
          onSealed: async (rows, ms) =>
            log.write({
              job: "seal",
              status: "intact",
              durationMs: ms,
              message: `sealed ${rows} rows`,
              details: { sealed: rows },
            }),
          onFailure: failed,
        });
      } finally {
        await database.end({ timeout: 1 });
      }
    } catch (error) {
      if (!signal.aborted) await failed(error);
    }
    return false;
  };
  // The loop ends with the signal only; what is repeated is the first connection.
  await repeat({ dueMs: () => 0, everyMs: Math.max(sealEveryMs, 1_000), run }, signal);
}

async function publish(options: DaemonOptions, onFirst: () => void): Promise<void> {
  let lastMs = 0;
  const run = async (): Promise<boolean> => {
    lastMs = Date.now();
    const isDone = await logged(options, "publish", async () => {
      const database = await connectUntil(options.signal, {
        applicationName: "audit-publisher",
        isFinding: true,
      }).catch(async (error: unknown) => noteFailure(options.tellPublish.metrics, "publish", error));
      try {
        const { result, failures } = await publishAndTell(
          { ...options.publish, lockIdleMs: options.lockIdleMs, database, signal: options.signal },
          options.tellPublish,
        );
        const { published, firstDivergence, warnings, sinks } = result;
        const behind = sinks.filter(({ status }) => status !== "ok").map(({ name }) => name);
        return {
          status: result.status,
          isDone: result.status !== "unproven" && failures.length === 0,
          hasWarning: warnings.length > 0 || behind.length > 0,
          message: [
            firstDivergence === null
              ? published === null
                ? "nothing to publish yet"
                : `published ${published.seq}, ${result.rows} new links`
              : `nothing signed: ${firstDivergence.check} ${firstDivergence.message}`,
            ...(behind.length === 0 ? [] : [`not up to date: ${behind.join(", ")}`]),
            ...warnings,
          ].join("; "),
          details: {
            published,
            rows: result.rows,
            sealed: result.sealed,
            lockHolders: result.lockHolders,
            sinks,
            witnesses: result.witnesses,
            firstDivergence,
            warnings,
          },
        };
      } finally {
        await database.end({ timeout: 1 });
      }
    });
    onFirst();
    return isDone;
  };
  await repeat({ dueMs: () => lastMs + options.publishEveryMs, everyMs: options.publishEveryMs, run }, options.signal);
}

async function verify(options: DaemonOptions): Promise<void> {
  const { lastFull } = await new AlertFile(options.verify.alertMemory, []).load();
  let fullMs = lastFull === null ? undefined : Math.min(Date.parse(lastFull), Date.now());
  let lastMs = 0;
  const isFullDue = (): boolean => Date.now() >= nextDaily(options.fullAtMs, fullMs);
  const run = async (): Promise<boolean> => {
    const isFull = isFullDue();
    lastMs = Date.now();
    return logged(options, isFull ? "verify-full" : "verify", async () => {
      const { report, failures } = await verifyOnce(
        {
          ...options.verify,
          sinceHeadMs: isFull ? undefined : options.sinceHeadMs,
          heartbeat: isFull ? options.fullHeartbeat : options.windowHeartbeat,
        },
        options.signal,
      );
      // One that could not prove anything, because a sink was away, say, has not been the nightly one.
      if (isFull && isVerdict(report)) fullMs = Date.now();
      const { range, rows, anchoredTo, divergenceCount, firstDivergence, alerts, unproven, warnings } = report;
      return {
        status: report.status,
        isDone: report.status !== "unproven" && failures.length === 0,
        hasWarning: warnings.length > 0,
        message: [
          `${rows} links, ${range.from} to ${range.to}`,
          ...(firstDivergence === null
            ? []
            : [`${divergenceCount} findings, first: ${firstDivergence.check} ${firstDivergence.message}`]),
          ...unproven.map((reason) => `not proven: ${reason}`),
          ...warnings,
        ].join("; "),
        details: { range, rows, anchoredTo, divergenceCount, firstDivergence, alerts, unproven, warnings },
      };
    });
  };
  const dueMs = (): number => Math.min(lastMs + options.verifyEveryMs, nextDaily(options.fullAtMs, fullMs));
  await repeat({ dueMs, everyMs: Math.min(options.verifyEveryMs, DAY_MS), run }, options.signal);
}

/** Runs a job once and logs how it went; what the signal broke off is not logged. */
async function logged(
  { log, watcher, turns, signal }: DaemonOptions,
  job: Exclude<JobName, "seal">,
  work: () => Promise<Pick<JobEntry, "status" | "message" | "details" | "hasWarning"> & { isDone: boolean }>,
): Promise<boolean> {
  const started = performance.now();
  const watched = job === "publish" ? job : "verify";
  try {
    const { isDone, ...entry } = await turns[watched].take(work);
    watcher.ended(watched, entry.status);
    await log.write({ job, durationMs: performance.now() - started, ...entry });
    return isDone;
  } catch (error) {
    if (signal.aborted) return false;
    watcher.ended(watched, "failed");
    await log.write({ job, status: "failed", durationMs: performance.now() - started, message: messageOf(error) });
    return false;
  }
}
