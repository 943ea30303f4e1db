import type { Sql } from "postgres";
import { PublisherError } from "../errors.ts";

/** What waits to be sealed. */
export interface Pending {
  /** Rows that a sealing would link. */
  readonly rows: number;
  /** Rows that were set aside because they conflict with the chain. */
  readonly setAside: number;
  /** Age of the oldest row that a sealing would link, in milliseconds by the database's clock; undefined without one. */
  readonly oldestMs: number | undefined;
}

/** Undefined where there is no `audit_chain_pending`. */
export async function readPending(sql: Sql): Promise<Pending | undefined> {
  const [table] = await sql.unsafe(
    `select 1 from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where n.oid = pg_catalog.to_regnamespace('public') and c.relname = 'audit_chain_pending'`,
  );
  if (!table) return undefined;
  const [row] = await sql.unsafe<{ rows: string; set_aside: string; age: string | null }[]>(
    `select pg_catalog.count(*) filter (where conflict is null) as rows,
            pg_catalog.count(*) filter (where conflict is not null) as set_aside,
            (extract(epoch from pg_catalog.clock_timestamp() - pg_catalog.min(staged_at) filter (where conflict is null))
              * 1000)::pg_catalog.float8::pg_catalog.text as age
       from public.audit_chain_pending`,
  );
  const age = row?.age ?? null;
  return {
    rows: Number(row?.rows ?? 0),
    setAside: Number(row?.set_aside ?? 0),
    oldestMs: age === null ? undefined : Number(age),
  };
}

/** @throws {PublisherError} `pending_too_old` where a row has waited for longer than that */
export function checkPendingAge(pending: Pending | undefined, limitMs: number): void {
  if (pending?.oldestMs === undefined || pending.oldestMs <= limitMs) return;
  throw new PublisherError(
    "pending_too_old",
    `${pending.rows} rows wait to be sealed, the oldest for ${Math.round(pending.oldestMs / 1_000)} s, and ${Math.round(limitMs / 1_000)} s are allowed (--max-pending-age): rows that are not sealed are not protected. Run audit-publisher seal as a member of scidex_audit_publisher`,
  );
}
