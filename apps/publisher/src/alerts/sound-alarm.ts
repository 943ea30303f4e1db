import type { CheckName } from "@scidex/audit-reader";
import { failuresOf, plainJson, postIncident, type Webhook } from "@scidex/audit-verifier/alerts";
import type { Sql } from "postgres";
import { writeAlerts } from "./alert-table.ts";

/** What the capture process has seen, which nobody has verified. */
export interface Alarm {
  readonly check: CheckName;
  readonly eventKind?: string | undefined;
  readonly eventPk?: string | undefined;
  readonly seq?: bigint | undefined;
  readonly message: string;
}

export interface AlarmTarget {
  /** A client that may INSERT into `public.senate_alerts`. */
  readonly table: Sql;
  readonly webhook: Webhook | undefined;
  /** The database's name and where it is. */
  readonly database: string;
}

/** More of one check and kind are counted, and not named: an attacker can change millions of rows. */
const NAMED = 20;

/** Of each check and kind the first ones, the last of which says how many there are. */
export function condensed(alarms: readonly Alarm[]): Alarm[] {
  const groups = Map.groupBy(alarms, ({ check, eventKind }) => `${check} ${eventKind ?? ""}`);
  return [...groups.values()].flatMap((group) => {
    const left = group.length - NAMED;
    const named = group.slice(0, NAMED);
    return left > 0
      ? named.map((alarm, i) => (i < NAMED - 1 ? alarm : { ...alarm, message: `${alarm.message}, and ${left} more` }))
      : named;
  });
}

/** An alarm on one line. */
export const alarmLine = ({ check, eventKind, eventPk, message }: Alarm): string =>
  `${check}: ${[eventKind, eventPk, message].filter((text) => text !== undefined).join(" ")}`;

/**
 * Says something at once, in `senate_alerts` and to the webhook. It is not remembered that it was said: what the chain has of
 * it the next verification finds, and alerts until somebody has taken it.
 *
 * @returns why it could not be said somewhere
 */
export async function soundAlarm(
  { table, webhook, database }: AlarmTarget,
  alarms: readonly Alarm[],
): Promise<string[]> {
  const now = new Date();
  const divergences = alarms.map((alarm) => plainJson({ ...alarm }));
  const posted =
    webhook === undefined
      ? []
      : failuresOf(
          postIncident(webhook, {
            event: "audit_chain_seen_in_log",
            origin: null,
            database,
            now,
            lines: alarms.map(alarmLine),
            details: { divergences },
          }),
        );
  const rows = divergences.map((details) => ({ details }));
  const failures = await Promise.all([failuresOf(writeAlerts(table, rows)), posted]);
  return failures.flat();
}
