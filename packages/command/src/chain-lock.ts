import type { ISql } from "postgres";

/** A session or prepared transaction that holds the chain's lock, or waits for it. */
export interface LockUser {
  readonly role: "holds" | "waits";
  /** Null for a prepared transaction. */
  readonly pid: number | null;
  /** The name of a prepared transaction. */
  readonly prepared: string | null;
  readonly user: string | null;
  readonly application: string | null;
  readonly state: string | null;
  /** How long its transaction has been running, an upper bound for how long it has had the lock; null: not visible. */
  readonly seconds: number | null;
  /** How long it has been idle in that transaction; null for one that works, that is prepared, or where it is not visible. */
  readonly idle_seconds: number | null;
}

/**
 * Who holds the chain's lock and who waits for it. A row's lock does not stand in `pg_locks`; what does is the lock on
 * the lock's table that everyone takes who locks the row, or waits to. Those of them who wait for none of the others
 * hold it.
 */
export async function readChainLock(sql: ISql): Promise<LockUser[]> {
  const rows = await sql<
    {
      waits: boolean;
      pid: number | null;
      gid: string | null;
      usename: string | null;
      application: string | null;
      state: string | null;
      seconds: string | null;
      idle: string | null;
    }[]
  >`
    with users as materialized (
      select distinct l.pid, l.virtualtransaction
        from pg_catalog.pg_locks as l
       where l.locktype = 'relation' and l.mode = 'RowShareLock' and l.granted
         and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = current_database())
         and l.relation = (select c.oid from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
                            where n.oid = pg_catalog.to_regnamespace('public') and c.relname = 'audit_chain_lock'))
    select u.pid, x.gid, coalesce(a.usename::text, x.owner::text) as usename, a.application_name as application, a.state,
           extract(epoch from pg_catalog.clock_timestamp() - coalesce(a.xact_start, x.prepared))::text as seconds,
           case when pg_catalog.starts_with(a.state, 'idle in transaction')
                then extract(epoch from pg_catalog.clock_timestamp() - a.state_change)::text end as idle,
           u.pid is not null and exists (
             select from pg_catalog.unnest(pg_catalog.pg_blocking_pids(u.pid)) as b(pid)
              where b.pid = 0 or b.pid in (select o.pid from users as o where o.pid <> u.pid)) as waits
      from users as u
      left join pg_catalog.pg_stat_activity as a on a.pid = u.pid
      -- A prepared transaction has no process any more; its own number is what it has locked for itself.
      left join pg_catalog.pg_locks as own
        on u.pid is null and own.pid is null and own.virtualtransaction = u.virtualtransaction
       and own.locktype = 'transactionid' and own.mode = 'ExclusiveLock' and own.granted
      left join pg_catalog.pg_prepared_xacts as x on x.transaction = own.transactionid
     order by waits, a.xact_start nulls first`;
  return rows.map(({ waits, pid, gid, usename, application, state, seconds, idle }) => ({
    role: waits ? "waits" : "holds",
    pid,
    prepared: gid,
    user: usename,
    application,
    state,
    seconds: seconds === null ? null : Number(seconds),
    idle_seconds: idle === null ? null : Number(idle),
  }));
}
