import type { Divergence } from "@scidex/audit-reader";
import { MAX_LISTED_PER_CHECK } from "@scidex/audit-reader";
import type { VerificationReport } from "../../report/verification-report.ts";
import type { Acknowledgement, Alert, AlertMemory, Channel } from "./alert-memory.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { plainJson } from "./plain-json.ts";

/** Beyond it the oldest that nothing stands for any more are forgotten: at worst they are said again. */
const MAX_REMEMBERED_ALERTS = 100_000;

/**
 * What is over by itself when it is not found any more. Anything else has left a trace that somebody may have wiped: an
 * edit that is put back before the next verification must not clear itself.
 */
const CLEARS_ITSELF: ReadonlySet<string> = new Set(["publisher_silent", "witness_missing", "verdict_overdue"]);

/** What a run has found, as far as the memory is concerned. */
export interface Found {
  readonly divergences: readonly Divergence[];
  /** What became of each group of checks; null where the run had no report. */
  readonly checks: VerificationReport["checks"] | null;
  /** Whether the newest head was held to a trust policy. */
  readonly asksWitnesses: boolean;
  /** Whether everything was verified, from the first link to the end. */
  readonly isFull: boolean;
  /** The channels that there are in this run. */
  readonly channels: readonly Channel[];
  /** ISO 8601. */
  readonly now: string;
}

/**
 * The memory after a run. A new finding, and one that has come back, is to be said on every channel. That something is gone
 * is believed only of a run that would have seen it.
 */
export function noteFindings(memory: AlertMemory, found: Found): { memory: AlertMemory; fresh: number } {
  const present = new Map(found.divergences.map((divergence) => [fingerprintOf(divergence), divergence]));
  const isGone = goneWhenAbsent(found);
  let fresh = 0;
  const kept = memory.alerts.map((alert): Alert => {
    if (!present.has(alert.fingerprint))
      return alert.gone === null && isGone(alert.check) ? { ...alert, gone: found.now } : alert;
    if (alert.gone === null) return alert;
    fresh += 1;
    return { ...alert, since: found.now, pending: found.channels, gone: null, acknowledged: null };
  });
  const known = new Set(memory.alerts.map(({ fingerprint }) => fingerprint));
  const begun = [...present].flatMap(([fingerprint, divergence]): Alert[] =>
    known.has(fingerprint)
      ? []
      : [
          {
            fingerprint,
            check: divergence.check,
            since: found.now,
            pending: found.channels,
            told: null,
            gone: null,
            acknowledged: null,
            details: plainJson(divergence),
          },
        ],
  );
  return { memory: { ...memory, alerts: withinBounds([...kept, ...begun]) }, fresh: fresh + begun.length };
}

function goneWhenAbsent({ divergences, checks, asksWitnesses, isFull }: Found): (check: string) => boolean {
  if (checks === null) return () => false;
  const counts = new Map<string, number>();
  for (const { check } of divergences) counts.set(check, (counts.get(check) ?? 0) + 1);
  const isComplete = Object.values(checks).every((result) => result === "ok" || result === "failed");
  return (check) => {
    // Judged by every run that reads the sinks, however short its range.
    const readsHeads = ["ok", "failed"].includes(checks.heads);
    if (check === "publisher_silent") return readsHeads;
    if (check === "witness_missing") return readsHeads && asksWitnesses;
    // Judged by every run, whatever else it could not do.
    if (check === "verdict_overdue") return checks.heads !== "skipped";
    return isFull && isComplete && (counts.get(check) ?? 0) < MAX_LISTED_PER_CHECK;
  };
}

function withinBounds(alerts: readonly Alert[]): readonly Alert[] {
  let excess = alerts.length - MAX_REMEMBERED_ALERTS;
  if (excess <= 0) return alerts;
  return alerts.filter(({ pending, gone }) => {
    const drop = excess > 0 && pending.length === 0 && gone !== null;
    if (drop) excess -= 1;
    return !drop;
  });
}

/** The alerts whose beginning still has to be said on a channel, oldest first. */
export const pendingOn = (memory: AlertMemory, channel: Channel): readonly Alert[] =>
  memory.alerts.filter(({ pending }) => pending.includes(channel));

export const clearsItself = (check: string): boolean => CLEARS_ITSELF.has(check);

/** Whether an alert is over: not found any more, and no trace that somebody has to look at. */
export const isOver = ({ check, gone, acknowledged }: Alert): boolean =>
  gone !== null && (acknowledged !== null || clearsItself(check));

/** Whether somebody still has to say that he has seen to it. */
export const needsSomebody = (alert: Alert): boolean => alert.acknowledged === null && !isOver(alert);

/**
 * What the webhook has to be reminded of: what it heard of longer ago than that, and nobody has acknowledged.
 *
 * @param everyMs `null` to say at every run all that is not over: for receivers that forget what they do not hear
 */
export const dueAgain = (memory: AlertMemory, now: Date, everyMs: number | null): readonly Alert[] =>
  memory.alerts.filter((alert) => {
    const { told, pending } = alert;
    if (told === null || pending.includes("webhook") || isOver(alert)) return false;
    return everyMs === null || (needsSomebody(alert) && now.getTime() - Date.parse(told) >= everyMs);
  });

const mapped = (
  memory: AlertMemory,
  fingerprints: ReadonlySet<string>,
  change: (alert: Alert) => Alert,
): AlertMemory => ({
  ...memory,
  alerts: memory.alerts.map((alert) => (fingerprints.has(alert.fingerprint) ? change(alert) : alert)),
});

/** The memory after a channel has taken these alerts. */
export const noteDelivered = (
  memory: AlertMemory,
  channel: Channel,
  fingerprints: ReadonlySet<string>,
  now: Date,
): AlertMemory =>
  mapped(memory, fingerprints, (alert) => ({
    ...alert,
    pending: alert.pending.filter((name) => name !== channel),
    told: channel === "webhook" ? now.toISOString() : alert.told,
  }));

/** The memory without these, which are over and have been said to be so. */
export const forget = (memory: AlertMemory, fingerprints: ReadonlySet<string>): AlertMemory => ({
  ...memory,
  alerts: memory.alerts.filter(({ fingerprint }) => !fingerprints.has(fingerprint)),
});

/** The memory with what somebody has said of the alerts since they began: the latest word on each. */
export const noteAcknowledged = (
  memory: AlertMemory,
  acknowledged: ReadonlyMap<string, Acknowledgement>,
): AlertMemory => ({
  ...memory,
  alerts: memory.alerts.map((alert) => {
    const word = acknowledged.get(alert.fingerprint);
    // One of before is about what has come and gone: whoever does it again is not excused by it.
    return word === undefined || Date.parse(word.at) < Date.parse(alert.since)
      ? alert
      : { ...alert, acknowledged: word };
  }),
});
