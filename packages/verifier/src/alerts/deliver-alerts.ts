import { lockFile } from "@scidex/audit-sinks";
import { isVerdict, type VerificationReport } from "../report/verification-report.ts";
import { ALERT_LOCK_WAIT_MS, type AlertSummary, type AlertTable, type AlertTarget, REMIND_MS } from "./alert-target.ts";
import { AlertFile } from "./memory/alert-file.ts";
import { type Alert, type AlertMemory, type Channel, EMPTY_MEMORY, formatMemory } from "./memory/alert-memory.ts";
import { describeFailure } from "./describe-failure.ts";
import {
  dueAgain,
  forget,
  type Found,
  isOver,
  needsSomebody,
  noteAcknowledged,
  noteDelivered,
  noteFindings,
  pendingOn,
} from "./memory/lifecycle.ts";
import { readAcknowledgements } from "./memory/acknowledgements.ts";
import type { Notice, NoticeState } from "./webhook/notice.ts";
import { postNotice } from "./webhook/webhook.ts";

/** How many alerts go into one insert, and into one request. */
const ALERT_BATCH = 500;

export interface AlertOutcome {
  readonly summary: AlertSummary;
  readonly warnings: readonly string[];
}

/** What a run says of itself. */
export interface AlertingRun extends Pick<Found, "divergences" | "isFull"> {
  /** Null where it came to no report. */
  readonly report: VerificationReport | null;
  readonly now: Date;
}

/**
 * Says what a verification has found, once each: a row in `senate_alerts` and a request to the webhook; reminds the webhook of
 * what stands, and says what is over. Nothing that stands in the database decides whether an alert is given; only the memory
 * does.
 *
 * It never throws: a table or a webhook that fails is a warning, and is tried again by the next run.
 */
export async function deliverAlerts(target: AlertTarget, run: AlertingRun): Promise<AlertOutcome> {
  const warnings: string[] = [];
  const { memory, lockWaitMs = ALERT_LOCK_WAIT_MS } = target;
  // Two runs that end at once would alert the same twice. Only that depends on the lock.
  const unlock = await lockFile(memory, { timeoutMs: lockWaitMs, signal: undefined }).catch((error: unknown) => {
    const why = describeFailure(error);
    warnings.push(`the alert memory could not be locked (${why}): the same finding may have been alerted twice`);
    return async () => {};
  });
  try {
    return await new Delivery(target, run, warnings).deliver();
  } finally {
    // A lock that stays is broken by the next run: whoever held it is gone.
    await unlock().catch(() => {});
  }
}

class Delivery {
  readonly #target: AlertTarget;
  readonly #run: AlertingRun;
  readonly #warnings: string[];
  readonly #file: AlertFile;
  #memory: AlertMemory = EMPTY_MEMORY;

  constructor(target: AlertTarget, run: AlertingRun, warnings: string[]) {
    this.#target = target;
    this.#run = run;
    this.#warnings = warnings;
    this.#file = new AlertFile(target.memory, warnings);
  }

  async deliver(): Promise<AlertOutcome> {
    const { openTable, webhook, remindMs = REMIND_MS } = this.#target;
    const { now } = this.#run;
    const channels: Channel[] = [
      ...(openTable === undefined ? [] : ["table" as const]),
      ...(webhook === undefined ? [] : ["webhook" as const]),
    ];
    const fresh = await this.#note(channels);
    const written = await this.#writeTable();
    const posted = await this.#tell("firing", pendingOn(this.#memory, "webhook"));
    const again = dueAgain(this.#memory, now, webhook?.format === "alertmanager" ? null : remindMs);
    // What was said just now need not be said again.
    const standing = again.filter(({ told }) => told !== now.toISOString());
    const reminded = await this.#tell("standing", standing);
    const resolved = await this.#resolve();
    const { alerts } = this.#memory;
    return {
      summary: {
        new: fresh,
        written,
        posted,
        reminded,
        resolved,
        pending: alerts.filter(({ pending }) => pending.some((name) => channels.includes(name))).length,
        unacknowledged: alerts.filter(needsSomebody).length,
      },
      warnings: this.#warnings,
    };
  }

  async #note(channels: readonly Channel[]): Promise<number> {
    const { report, divergences, isFull, now } = this.#run;
    const before = await this.#file.load();
    const time = now.toISOString();
    const checks = report?.checks ?? null;
    const asksWitnesses = (report?.witnesses ?? null) !== null;
    const { memory, fresh } = noteFindings(before, { divergences, checks, asksWitnesses, isFull, channels, now: time });
    const acknowledged = await readAcknowledgements(this.#target.memory, this.#warnings);
    const hasVerdict = report !== null && isVerdict(report) && !Object.values(report.checks).includes("skipped");
    this.#memory = {
      ...noteAcknowledged(memory, acknowledged),
      firstRun: before.firstRun ?? time,
      lastFull: isFull && hasVerdict ? time : before.lastFull,
    };
    if (formatMemory(this.#memory) !== formatMemory(before)) await this.#file.save(this.#memory);
    return fresh;
  }

  async #writeTable(): Promise<number> {
    const alerts = pendingOn(this.#memory, "table");
    const { openTable } = this.#target;
    if (alerts.length === 0 || openTable === undefined) return 0;
    let table: AlertTable | undefined;
    try {
      const opened = (table = await openTable());
      await inBatches(alerts, async (batch) => {
        await opened.write(batch);
        await this.#delivered("table", batch);
      });
    } catch (error) {
      this.#warn("table", `alerts can't be written into public.senate_alerts: ${describeFailure(error)}`);
    } finally {
      await table?.close().catch(() => undefined);
    }
    return alerts.length - pendingOn(this.#memory, "table").length;
  }

  /** Returns of how many alerts it was said. */
  async #tell(state: Exclude<NoticeState, "resolved">, alerts: readonly Alert[]): Promise<number> {
    const { webhook } = this.#target;
    if (webhook === undefined || alerts.length === 0) return 0;
    let told = 0;
    try {
      await inBatches(alerts, async (batch) => {
        await postNotice(webhook, this.#notice(state, batch));
        await this.#delivered("webhook", batch);
        told += batch.length;
      });
    } catch (error) {
      this.#warn("webhook", `the webhook could not be told: ${describeFailure(error)}`, alerts.length - told);
    }
    return told;
  }

  /** What is over is forgotten once the webhook has heard so, where it had heard of it. */
  async #resolve(): Promise<number> {
    const over = this.#memory.alerts.filter((alert) => isOver(alert) && alert.pending.length === 0);
    if (over.length === 0) return 0;
    const { webhook } = this.#target;
    try {
      await inBatches(over, async (batch) => {
        const known = batch.filter(({ told }) => told !== null);
        if (webhook !== undefined && known.length > 0) await postNotice(webhook, this.#notice("resolved", known));
        this.#memory = forget(this.#memory, fingerprintsOf(batch));
        await this.#file.save(this.#memory);
      });
    } catch (error) {
      const left = this.#memory.alerts.filter(isOver).length;
      this.#warn("webhook", `the webhook could not be told what is resolved: ${describeFailure(error)}`, left);
    }
    return over.length - this.#memory.alerts.filter((alert) => isOver(alert) && alert.pending.length === 0).length;
  }

  #notice(state: NoticeState, alerts: readonly Alert[]): Notice {
    const { origin, database, remindMs = REMIND_MS } = this.#target;
    const { now, report } = this.#run;
    const said = fingerprintsOf(alerts);
    const others = this.#memory.alerts.filter((alert) => !said.has(alert.fingerprint));
    return {
      state,
      now,
      origin,
      database,
      alerts,
      openChecks: new Set(others.map(({ check }) => check)),
      until: new Date(now.getTime() + 2 * remindMs),
      report: report === null ? null : withoutFindings(report),
    };
  }

  async #delivered(channel: Channel, batch: readonly Alert[]): Promise<void> {
    this.#memory = noteDelivered(this.#memory, channel, fingerprintsOf(batch), this.#run.now);
    await this.#file.save(this.#memory);
  }

  #warn(channel: Channel, text: string, left = pendingOn(this.#memory, channel).length): void {
    this.#warnings.push(`${text} (${left} ${left === 1 ? "finding" : "findings"}; the next run tries again)`);
  }
}

function withoutFindings(report: VerificationReport): Notice["report"] {
  const { divergences: _, ...rest } = report;
  return rest;
}

const fingerprintsOf = (alerts: readonly Alert[]): ReadonlySet<string> =>
  new Set(alerts.map(({ fingerprint }) => fingerprint));

async function inBatches(alerts: readonly Alert[], deliver: (batch: readonly Alert[]) => Promise<void>): Promise<void> {
  for (let at = 0; at < alerts.length; at += ALERT_BATCH) await deliver(alerts.slice(at, at + ALERT_BATCH));
}
