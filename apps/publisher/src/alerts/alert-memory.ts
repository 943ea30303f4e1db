/**
 * What has been alerted, and what still has to be: the publisher's own memory, outside the database, where an attacker
 * cannot write that an alert was given. By default it stands beside the key file, as KEYFILE.alerts.
 *
 *     {"version":1,
 *      "firstRun":"2026-11-21T03:00:41.000Z",         when this was first run; null for never
 *      "lastFull":"2026-11-22T03:00:41.000Z",          when a full verification last had a verdict; null for never
 *      "alerts":[
 *        {"id":"<24 base64>",                          alertIdentity of the finding
 *         "check":"source_edited",
 *         "since":"2026-11-22T03:00:41.000Z",          when it was first found
 *         "pending":["table","webhook"],               where it still has to be said
 *         "details":{…}}]}                             the finding; null once it has been said everywhere
 *
 * A finding is noted before anything is sent, and a channel is struck out only after it has taken the alert. A crash
 * can therefore make an alert come twice, but never suppress it.
 */
import { parseJson } from "@scidex/audit-core";
import { MAX_LISTED_PER_CHECK } from "@scidex/audit-reader";
import type { VerificationReport } from "@scidex/audit-verifier";
import { alertIdentity } from "./alert-identity.ts";
import { type JsonObject, plainJson } from "./plain-json.ts";

/** The version of the file's format that is written. */
export const ALERT_MEMORY_VERSION = 1;

/** Beyond it the oldest that were said everywhere are forgotten: at worst they are said again. */
export const MAX_REMEMBERED_ALERTS = 100_000;

/** Where alerts go: the table `senate_alerts`, and the webhook. */
export const CHANNELS = ["table", "webhook"] as const;
export type Channel = (typeof CHANNELS)[number];

export interface Alert {
  readonly id: string;
  readonly check: string;
  readonly since: string;
  readonly pending: readonly Channel[];
  /** The divergence as JSON; null once nothing is pending. */
  readonly details: JsonObject | null;
}

export interface AlertMemory {
  readonly firstRun: string | null;
  readonly lastFull: string | null;
  readonly alerts: readonly Alert[];
}

export const EMPTY_MEMORY: AlertMemory = { firstRun: null, lastFull: null, alerts: [] };

/** What a run has found, as far as the memory is concerned. */
export interface Found {
  readonly report: Pick<VerificationReport, "divergences" | "checks">;
  /** Whether everything was verified, from the first link to the end. */
  readonly isFull: boolean;
  /** The channels that there are in this run. */
  readonly channels: readonly Channel[];
  /** ISO 8601. */
  readonly now: string;
}

/**
 * The memory after a run: new findings are pending on every channel; those that are no longer there are forgotten, to be
 * alerted again should they come back. That something is gone is believed only of a run that would have seen it.
 */
export function noteFindings(memory: AlertMemory, found: Found): { memory: AlertMemory; fresh: readonly Alert[] } {
  const { divergences } = found.report;
  const known = new Set(memory.alerts.map(({ id }) => id));
  const present = new Set<string>();
  const fresh: Alert[] = [];
  for (const divergence of divergences) {
    const id = alertIdentity(divergence);
    if (!known.has(id) && !present.has(id))
      fresh.push({
        id,
        check: divergence.check,
        since: found.now,
        pending: found.channels,
        details: plainJson(divergence),
      });
    present.add(id);
  }
  const isGone = goneWhenAbsent(found);
  const kept = memory.alerts.filter(
    ({ id, check, pending }) => pending.length > 0 || present.has(id) || !isGone(check),
  );
  const alerts = [...kept, ...fresh];
  return { memory: { ...memory, alerts: withinBounds(alerts, present) }, fresh };
}

function goneWhenAbsent({ report, isFull }: Found): (check: string) => boolean {
  const counts = new Map<string, number>();
  for (const { check } of report.divergences) counts.set(check, (counts.get(check) ?? 0) + 1);
  const isComplete = Object.values(report.checks).every((result) => result === "ok" || result === "failed");
  return (check) => {
    // Judged by every run that reads the sinks, however short its range.
    if (check === "publisher_silent") return ["ok", "failed"].includes(report.checks.heads);
    // Judged by every run, whatever else it could not do.
    if (check === "verdict_overdue") return report.checks.heads !== "skipped";
    return isFull && isComplete && (counts.get(check) ?? 0) < MAX_LISTED_PER_CHECK;
  };
}

function withinBounds(alerts: readonly Alert[], present: ReadonlySet<string>): readonly Alert[] {
  let excess = alerts.length - MAX_REMEMBERED_ALERTS;
  if (excess <= 0) return alerts;
  return alerts.filter(({ id, pending }) => {
    const drop = excess > 0 && pending.length === 0 && !present.has(id);
    if (drop) excess -= 1;
    return !drop;
  });
}

/** The memory after a channel has taken these alerts. */
export function noteDelivered(memory: AlertMemory, channel: Channel, ids: ReadonlySet<string>): AlertMemory {
  return {
    ...memory,
    alerts: memory.alerts.map((alert) => {
      if (!ids.has(alert.id)) return alert;
      const pending = alert.pending.filter((name) => name !== channel);
      return { ...alert, pending, details: pending.length === 0 ? null : alert.details };
    }),
  };
}

/** The alerts that still have to be said on a channel, oldest first. */
export const pendingOn = (memory: AlertMemory, channel: Channel): readonly Alert[] =>
  memory.alerts.filter(({ pending }) => pending.includes(channel));

export function formatMemory({ firstRun, lastFull, alerts }: AlertMemory): string {
  const lines = alerts.map((alert) => ` ${JSON.stringify(alert)}`).join(",\n");
  return `{"version":${ALERT_MEMORY_VERSION},\n"firstRun":${JSON.stringify(firstRun)},\n"lastFull":${JSON.stringify(lastFull)},\n"alerts":[\n${lines}]}\n`;
}

/** Undefined where the text is not a memory. Every standing finding is then alerted again: better than one too few. */
export function parseMemory(text: string): AlertMemory | undefined {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    return undefined;
  }
  if (!isObject(value) || value["version"] !== ALERT_MEMORY_VERSION) return undefined;
  const { firstRun = null, lastFull, alerts } = value;
  if (!(firstRun === null || isTime(firstRun))) return undefined;
  if (!(lastFull === null || isTime(lastFull)) || !Array.isArray(alerts) || !alerts.every(isAlert)) return undefined;
  return { firstRun, lastFull, alerts };
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isTime = (value: unknown): value is string => typeof value === "string" && !Number.isNaN(Date.parse(value));

const isChannel = (value: unknown): value is Channel => CHANNELS.some((channel) => channel === value);

const isAlert = (value: unknown): value is Alert =>
  isObject(value) &&
  typeof value["id"] === "string" &&
  typeof value["check"] === "string" &&
  isTime(value["since"]) &&
  Array.isArray(value["pending"]) &&
  value["pending"].every(isChannel) &&
  (value["pending"].length === 0 ? value["details"] === null : isObject(value["details"]));

/** A divergence's `ref_id` in `senate_alerts`: the seq, the ends of an interval, or `kind:pk`; null for nowhere. */
export function refId(details: JsonObject): string | null {
  const { seq, from_seq, to_seq, event_kind, event_pk } = details;
  if (isNumeral(seq)) return String(seq);
  if (isNumeral(from_seq) && isNumeral(to_seq)) return `${from_seq}-${to_seq}`;
  if (typeof event_kind !== "string") return null;
  return typeof event_pk === "string" ? `${event_kind}:${event_pk}` : event_kind;
}

const isNumeral = (value: unknown): value is number | string => typeof value === "number" || typeof value === "string";
