import { isVerdict, type VerificationReport } from "@scidex/audit-verifier";
import type { Sql } from "postgres";
import { AlertFile } from "./alert-file.ts";
import { acquireAlertLock } from "./alert-lock.ts";
import {
  type Alert,
  type AlertMemory,
  EMPTY_MEMORY,
  type Channel,
  formatMemory,
  noteDelivered,
  noteFindings,
  pendingOn,
} from "./alert-memory.ts";
import { ALERT_KIND, writeAlerts } from "./alert-table.ts";
import { messageOf } from "../errors.ts";
import { postWebhook, type Webhook } from "./webhook.ts";

/** How many alerts go into one insert, and into one request. */
export const ALERT_BATCH = 500;

/** How long to wait for another run that alerts, in milliseconds. */
export const ALERT_LOCK_WAIT_MS = 60_000;

export interface AlertTarget {
  /** Path of the alert memory. */
  readonly memory: string;
  /** A client of the database that was verified, for the lock between runs. */
  readonly database: Sql;
  /** Opens a client that may INSERT into `public.senate_alerts`; it is ended when it is not needed any more. */
  readonly openTable: () => Promise<Sql>;
  readonly webhook?: Webhook | undefined;
  readonly lockWaitMs?: number | undefined;
  readonly tableTimeoutMs?: number | undefined;
}

/** What became of the alerts of a run. */
export interface AlertSummary {
  /** Findings that had not been alerted before. */
  readonly new: number;
  /** Rows written into `senate_alerts`. */
  readonly written: number;
  /** Findings taken by the webhook. */
  readonly posted: number;
  /** Findings that are still to be said somewhere: the next run tries again. */
  readonly pending: number;
}

export interface AlertOutcome {
  readonly summary: AlertSummary;
  /** The memory as it is now. */
  readonly memory: AlertMemory;
  readonly warnings: readonly string[];
}

/**
 * Says what a verification has found, once each: a row in `senate_alerts` and a request to the webhook. Nothing that
 * stands in the database decides whether an alert is given; only the memory does.
 *
 * It never throws: a table or a webhook that fails is a warning, and is tried again by the next run.
 */
export async function deliverAlerts(
  target: AlertTarget,
  report: VerificationReport,
  run: { readonly isFull: boolean; readonly now: Date },
): Promise<AlertOutcome> {
  const warnings: string[] = [];
  const lock = await acquireAlertLock(target.database, target.memory, target.lockWaitMs ?? ALERT_LOCK_WAIT_MS);
  if (!lock.isHeld)
    warnings.push("the lock between runs that alert could not be taken: the same finding may have been alerted twice");
  try {
    return await new Delivery(target, report, warnings).run(run);
  } finally {
    lock.release();
  }
}

class Delivery {
  readonly #target: AlertTarget;
  readonly #report: VerificationReport;
  readonly #warnings: string[];
  readonly #file: AlertFile;
  #memory: AlertMemory = EMPTY_MEMORY;

  constructor(target: AlertTarget, report: VerificationReport, warnings: string[]) {
    this.#target = target;
    this.#report = report;
    this.#warnings = warnings;
    this.#file = new AlertFile(target.memory, warnings);
  }

  async run({ isFull, now }: { readonly isFull: boolean; readonly now: Date }): Promise<AlertOutcome> {
    const before = await this.#file.load();
    const channels: Channel[] = this.#target.webhook === undefined ? ["table"] : ["table", "webhook"];
    const time = now.toISOString();
    const noted = noteFindings(before, { report: this.#report, isFull, channels, now: time });
    const hasVerdict = isVerdict(this.#report) && !Object.values(this.#report.checks).includes("skipped");
    this.#memory = {
      ...noted.memory,
      firstRun: before.firstRun ?? time,
      lastFull: isFull && hasVerdict ? time : before.lastFull,
    };
    if (formatMemory(this.#memory) !== formatMemory(before)) await this.#file.save(this.#memory);
    const written = await this.#writeTable();
    const posted = await this.#callWebhook();
    return {
      summary: {
        new: noted.fresh.length,
        written,
        posted,
        pending: this.#memory.alerts.filter(({ pending }) => pending.some((name) => channels.includes(name))).length,
      },
      memory: this.#memory,
      warnings: this.#warnings,
    };
  }

  async #writeTable(): Promise<number> {
    const alerts = pendingOn(this.#memory, "table");
    if (alerts.length === 0) return 0;
    let sql: Sql | undefined;
    try {
      const table = (sql = await this.#target.openTable());
      return await this.#inBatches("table", alerts, async (batch) =>
        writeAlerts(table, batch, this.#target.tableTimeoutMs),
      );
    } catch (error) {
      this.#warn("table", `alerts can't be written into public.senate_alerts: ${messageOf(error)}`);
      return alerts.length - pendingOn(this.#memory, "table").length;
    } finally {
      // What a hostile trigger keeps busy is cut off.
      await sql?.end({ timeout: 0 }).catch(() => undefined);
    }
  }

  async #callWebhook(): Promise<number> {
    const { webhook } = this.#target;
    const alerts = pendingOn(this.#memory, "webhook");
    if (webhook === undefined || alerts.length === 0) return 0;
    const { divergences: _, ...report } = this.#report;
    try {
      return await this.#inBatches("webhook", alerts, async (batch) =>
        postWebhook(webhook, {
          event: ALERT_KIND,
          report,
          divergences: batch.map(({ since, details }) => ({ ...details, since })),
        }),
      );
    } catch (error) {
      this.#warn("webhook", `the webhook could not be told: ${messageOf(error)}`);
      return alerts.length - pendingOn(this.#memory, "webhook").length;
    }
  }

  async #inBatches(
    channel: Channel,
    alerts: readonly Alert[],
    deliver: (batch: readonly Alert[]) => Promise<void>,
  ): Promise<number> {
    for (let at = 0; at < alerts.length; at += ALERT_BATCH) {
      const batch = alerts.slice(at, at + ALERT_BATCH);
      await deliver(batch);
      this.#memory = noteDelivered(this.#memory, channel, new Set(batch.map(({ id }) => id)));
      await this.#file.save(this.#memory);
    }
    return alerts.length;
  }

  #warn(channel: Channel, text: string): void {
    const left = pendingOn(this.#memory, channel).length;
    this.#warnings.push(`${text} (${left} ${left === 1 ? "finding" : "findings"}; the next run tries again)`);
  }
}
