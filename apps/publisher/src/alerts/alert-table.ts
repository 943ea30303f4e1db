import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "postgres";
import type { Alert, JsonObject } from "@scidex/audit-verifier/alerts";
import { inTransaction } from "../transaction.ts";

/** The `kind` and `severity` of every row that is written. */
export const ALERT_KIND = "audit_chain_break";
export const ALERT_SEVERITY = "critical";

/** What is written of an alert. */
type Written = Pick<Alert, "details">;

/** How long one insert may take, in milliseconds. Whoever owns the table can lock it, or make its triggers sleep. */
export const ALERT_TIMEOUT_MS = 30_000;

/**
 * Writes one row per alert into `public.senate_alerts`, all or none. The right to INSERT is enough
 * (`scidex_audit_alert`). When this returns, the rows are on the server's disk.
 *
 * @throws errors of the driver; `Error` when the table did not take every row, or not in time. It belongs to whoever
 *   owns it, maybe to the attacker: the caller says the alerts on other ways too.
 */
export async function writeAlerts(sql: Sql, alerts: readonly Written[], timeoutMs = ALERT_TIMEOUT_MS): Promise<void> {
  const timer = new AbortController();
  const late = sleep(timeoutMs + 1_000, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`public.senate_alerts took nothing for ${timeoutMs / 1_000} s`);
  });
  try {
    await Promise.race([insert(sql, alerts, timeoutMs), late]);
  } finally {
    timer.abort();
    await late.catch(() => undefined);
  }
}

async function insert(sql: Sql, alerts: readonly Written[], timeoutMs: number): Promise<void> {
  const encoding = await serverEncoding(sql);
  const isUnicode = encoding === "UTF8";
  await inTransaction(sql, "read write", async (tx) => {
    // A commit that a power cut could undo would be an alert that nobody gives again.
    await tx.unsafe(
      `set local synchronous_commit = on; set local statement_timeout = ${timeoutMs}; set local lock_timeout = ${timeoutMs}`,
    );
    const rows = alerts.map(({ details }) => ({
      ref_id: writable(refId(details), isUnicode),
      details: Object.fromEntries(entries(details, isUnicode)),
    }));
    const result = await tx.unsafe(
      `insert into public.senate_alerts (kind, ref_id, severity, details)
       select '${ALERT_KIND}', pg_catalog.jsonb_extract_path_text(a.value, 'ref_id'), '${ALERT_SEVERITY}',
              pg_catalog.jsonb_extract_path(a.value, 'details')
         from pg_catalog.jsonb_array_elements($1::pg_catalog.text::pg_catalog.jsonb) as a(value)`,
      [JSON.stringify(rows)],
    );
    // A trigger or a rule of somebody else's can swallow rows without an error.
    if (result.count !== alerts.length)
      throw new Error(`public.senate_alerts took ${result.count} of ${alerts.length} rows`);
  });
}

async function serverEncoding(sql: Sql): Promise<string> {
  const [row] = await sql.unsafe<{ encoding: string }[]>(
    "select pg_catalog.current_setting('server_encoding') as encoding",
  );
  return row?.encoding ?? "";
}

const entries = (details: JsonObject, isUnicode: boolean): [string, unknown][] =>
  Object.entries(details).map(([name, value]) => [
    name,
    typeof value === "string" ? writable(value, isUnicode) : value,
  ]);

/** Databases in other encodings refuse what they have no character for. */
function writable<T extends string | null>(text: T, isUnicode: boolean): T | string {
  if (text === null || isUnicode) return text;
  return text.replaceAll(/[^\u0020-\u007e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A divergence's `ref_id` in `senate_alerts`: the seq, the ends of an interval, or `kind:pk`; null for nowhere. */
function refId(details: JsonObject): string | null {
  const { seq, from_seq, to_seq, event_kind, event_pk } = details;
  if (isNumeral(seq)) return String(seq);
  if (isNumeral(from_seq) && isNumeral(to_seq)) return `${from_seq}-${to_seq}`;
  if (typeof event_kind !== "string") return null;
  return typeof event_pk === "string" ? `${event_kind}:${event_pk}` : event_kind;
}

const isNumeral = (value: unknown): value is number | string => typeof value === "number" || typeof value === "string";
