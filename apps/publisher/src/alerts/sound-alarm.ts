import type { CheckName } from "@scidex/audit-reader";
import type { Sql } from "postgres";
import { messageOf } from "../errors.ts";
import { ALERT_KIND, writeAlerts } from "./alert-table.ts";
import { plainJson } from "./plain-json.ts";
import { postWebhook, type Webhook } from "./webhook.ts";

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

/**
 * Says something at once, in `senate_alerts` and to the webhook. It is not remembered that it was said: what the chain has of
 * it the next verification finds, and alerts until somebody has taken it.
 *
 * @returns why it could not be said somewhere
 */
export async function soundAlarm({ table, webhook }: AlarmTarget, alarms: readonly Alarm[]): Promise<string[]> {
  const since = new Date().toISOString();
  const details = alarms.map((alarm) => plainJson({ ...alarm }));
  const channels = [
    async () =>
      writeAlerts(
        table,
        details.map((one, i) => ({ id: "", check: alarms[i]?.check ?? "", since, pending: [], details: one })),
      ),
    ...(webhook === undefined
      ? []
      : [
          async () =>
            postWebhook(webhook, {
              event: ALERT_KIND,
              source: "capture",
              divergences: details.map((one) => ({ ...one, since })),
            }),
        ]),
  ];
  const ends = await Promise.allSettled(channels.map(async (say) => say()));
  return ends.flatMap((end) => (end.status === "rejected" ? [messageOf(end.reason)] : []));
}
