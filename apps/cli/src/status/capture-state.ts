import type { ISql } from "postgres";

/** How far the capture process has come, for tables in the mode `stream`. */
export interface CaptureState {
  readonly slot: string;
  /** Whether a process follows the log now. */
  readonly is_active: boolean;
  /** As PostgreSQL has it: `lost` where the server has removed what would have to be sent; null where the slot is gone. */
  readonly wal_status: string | null;
  /** Bytes of the log that are not linked yet. */
  readonly bytes_behind: number;
  /** Seconds since the position was written last. */
  readonly written_seconds: number;
}

/** Null where no process has ever followed the log. */
export async function readCapture(sql: ISql): Promise<CaptureState | null> {
  const [row] = await sql<
    { slot: string; is_active: boolean | null; wal_status: string | null; bytes: string; seconds: string }[]
  >`
    select p.slot::text, s.active as is_active, s.wal_status, greatest(0, case when pg_catalog.pg_is_in_recovery()
             then pg_catalog.pg_last_wal_replay_lsn() else pg_catalog.pg_current_wal_insert_lsn() end - p.linked_to)::text as bytes,
           extract(epoch from pg_catalog.clock_timestamp() - p.written_at)::text as seconds
      from public.audit_chain_position as p left join pg_catalog.pg_replication_slots as s on s.slot_name = p.slot::name
     order by p.id desc limit 1`;
  if (row === undefined) return null;
  return {
    slot: row.slot,
    is_active: row.is_active === true,
    wal_status: row.wal_status,
    bytes_behind: Number(row.bytes),
    written_seconds: Number(row.seconds),
  };
}
