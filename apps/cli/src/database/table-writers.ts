import type { Sql } from "postgres";
import { ageText } from "../text/age.ts";

/**
 * Who is writing to a table right now, as warnings: attach has to wait for their transactions to end.
 *
 * @param table its name as SQL writes it
 */
export async function tableWriters(sql: Sql, table: string): Promise<string[]> {
  const rows = await sql<
    { pid: number | null; usename: string | null; application: string | null; seconds: string | null }[]
  >`
    select l.pid, a.usename::text, a.application_name as application,
           extract(epoch from pg_catalog.clock_timestamp() - a.xact_start)::text as seconds
      from pg_catalog.pg_locks as l left join pg_catalog.pg_stat_activity as a on a.pid = l.pid
     where l.locktype = 'relation' and l.granted and l.relation = ${table}::regclass
       and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = current_database())
       and l.mode in ('RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
     order by a.xact_start nulls first
     limit 20`;
  return rows.map(({ pid, usename, application, seconds }) => {
    const who =
      pid === null
        ? "a prepared transaction"
        : `session ${pid} (${[usename, application].filter(Boolean).join(", ") || "unknown"})`;
    const since = seconds === null ? "" : ` for ${ageText(Number(seconds))}`;
    return `${who} has been writing to it${since}: attach waits until that transaction ends`;
  });
}
