/**
 * What has been alerted, and what still has to be: a memory outside the database, where an attacker can neither write that
 * an alert was given nor that somebody has seen to it.
 *
 *     {"version":1,
 *      "firstRun":"2026-11-21T03:00:41.000Z",         when this was first run; null for never
 *      "lastFull":"2026-11-22T03:00:41.000Z",          when a full verification last had a verdict; null for never
 *      "alerts":[
 *        {"fingerprint":"<32 hex>",                    fingerprintOf the finding
 *         "check":"source_edited",
 *         "since":"2026-11-22T03:00:41.000Z",          when it was found, or found again after it was gone
 *         "pending":["table","webhook"],               where its beginning still has to be said
 *         "told":"2026-11-22T03:00:42.000Z",           when the webhook last heard of it; null for never
 *         "gone":null,                                 since when it is not found any more; null while it is
 *         "acknowledged":null,                         {"by","at","reason"} of somebody outside; null for nobody
 *         "details":{…}}]}                             the finding
 *
 * A finding is noted before anything is sent, and a channel is struck out only after it has taken the alert. A crash
 * can therefore make an alert come twice, but never suppress it.
 */
import { parseJson } from "@scidex/audit-core";
import type { JsonObject } from "./plain-json.ts";

/** The version of the file's format that is written. */
const ALERT_MEMORY_VERSION = 1;

/** Where alerts go: the table `senate_alerts`, and the webhook. */
const CHANNELS = ["table", "webhook"] as const;
export type Channel = (typeof CHANNELS)[number];

/** Somebody's word, from outside the database, that a finding has been seen to. */
export interface Acknowledgement {
  readonly by: string;
  /** ISO 8601. */
  readonly at: string;
  readonly reason: string;
}

export interface Alert {
  readonly fingerprint: string;
  readonly check: string;
  readonly since: string;
  readonly pending: readonly Channel[];
  readonly told: string | null;
  readonly gone: string | null;
  readonly acknowledged: Acknowledgement | null;
  /** The divergence as JSON. */
  readonly details: JsonObject;
}

export interface AlertMemory {
  readonly firstRun: string | null;
  readonly lastFull: string | null;
  readonly alerts: readonly Alert[];
}

export const EMPTY_MEMORY: AlertMemory = { firstRun: null, lastFull: null, alerts: [] };

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
  if (!isTimeOrNull(firstRun) || !isTimeOrNull(lastFull)) return undefined;
  if (!Array.isArray(alerts) || !alerts.every(isAlert)) return undefined;
  return { firstRun, lastFull, alerts };
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isTime = (value: unknown): value is string => typeof value === "string" && !Number.isNaN(Date.parse(value));

const isTimeOrNull = (value: unknown): value is string | null => value === null || isTime(value);

const isChannel = (value: unknown): value is Channel => CHANNELS.some((channel) => channel === value);

export const isAcknowledgement = (value: unknown): value is Acknowledgement =>
  isObject(value) && typeof value["by"] === "string" && isTime(value["at"]) && typeof value["reason"] === "string";

const isAlert = (value: unknown): value is Alert =>
  isObject(value) &&
  typeof value["fingerprint"] === "string" &&
  typeof value["check"] === "string" &&
  isTime(value["since"]) &&
  Array.isArray(value["pending"]) &&
  value["pending"].every(isChannel) &&
  isTimeOrNull(value["told"]) &&
  isTimeOrNull(value["gone"]) &&
  (value["acknowledged"] === null || isAcknowledgement(value["acknowledged"])) &&
  isObject(value["details"]);
