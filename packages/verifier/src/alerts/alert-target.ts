import type { Alert } from "./memory/alert-memory.ts";
import type { Webhook } from "./webhook/webhook.ts";

/** How often the webhook is reminded of what nobody has acknowledged, in milliseconds. */
export const REMIND_MS = 86_400_000;

/** How long to wait for another run that alerts, in milliseconds. */
export const ALERT_LOCK_WAIT_MS = 60_000;

/** A place where the beginnings of alerts are written. */
export interface AlertTable {
  readonly write: (alerts: readonly Alert[]) => Promise<void>;
  readonly close: () => Promise<void>;
}

export interface AlertTarget {
  /** Path of the alert memory. */
  readonly memory: string;
  /** {@link ALERT_LOCK_WAIT_MS} if not given. */
  readonly lockWaitMs?: number | undefined;
  /** Opens the table; only when there is something to write. */
  readonly openTable?: (() => Promise<AlertTable>) | undefined;
  readonly webhook?: Webhook | undefined;
  /** {@link REMIND_MS} if not given. */
  readonly remindMs?: number | undefined;
  readonly origin: string | null;
  readonly database: string;
}

/** What became of the alerts of a run. */
export interface AlertSummary {
  /** Findings that had not been alerted before. */
  readonly new: number;
  /** Rows written into `senate_alerts`. */
  readonly written: number;
  /** Findings whose beginning the webhook has taken. */
  readonly posted: number;
  /** Findings of which it was reminded. */
  readonly reminded: number;
  /** Findings that are over. */
  readonly resolved: number;
  /** Findings that are still to be said somewhere: the next run tries again. */
  readonly pending: number;
  /** Findings, of this run or an earlier one, that nobody has acknowledged. */
  readonly unacknowledged: number;
}
