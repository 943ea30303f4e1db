import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "postgres";
import { PublisherError } from "../../errors.ts";
import { type Lsn } from "../pgoutput/lsn.ts";
import { lsnOf } from "./position.ts";
import { FREE_WITHIN_MS, whenFree } from "./when-free.ts";

/** The slot through which the log is followed. Slots belong to the whole server, so its name has the database's number. */
export interface Slot {
  readonly name: string;
  /** Everything before was acknowledged, and will never be sent again. */
  readonly confirmed: Lsn;
  /** Whether the server has thrown away what it would have to send: `max_slot_wal_keep_size` was not enough. */
  readonly isLost: boolean;
  /** Whether it is none that we make: one of another plugin, of another database, or for a copy of the whole server. */
  readonly isForeign: boolean;
  /** Whether somebody follows the log through it. */
  readonly isFollowed: boolean;
}

/** What is there of the server that the position is held against. */
export interface Server {
  readonly systemIdentifier: string;
  readonly slotName: string;
  readonly slot: Slot | undefined;
  /** Publications of ours, by name. */
  readonly publications: readonly string[];
}

export async function readServer(sql: Sql): Promise<Server> {
  const [row] = await sql.unsafe<
    {
      system: string;
      name: string;
      is_there: boolean;
      is_ours: boolean | null;
      confirmed: string | null;
      status: string | null;
      active: boolean;
      publications: string | null;
    }[]
  >(
    `select (select c.system_identifier from pg_catalog.pg_control_system() as c)::pg_catalog.text as system, n.name,
            s.slot_name is not null as is_there, s.plugin = 'pgoutput' and s.database = pg_catalog.current_database() as is_ours,
            s.confirmed_flush_lsn::pg_catalog.text as confirmed, s.wal_status as status, s.active,
            (select pg_catalog.json_agg(p.pubname order by p.pubname) from pg_catalog.pg_publication as p
              where pg_catalog.starts_with(p.pubname::pg_catalog.text, 'audit_chain'))::pg_catalog.text as publications
       from (select pg_catalog.concat('audit_chain_', d.oid) as name from pg_catalog.pg_database as d
              where d.datname = pg_catalog.current_database()) as n
       left join pg_catalog.pg_replication_slots as s on s.slot_name = n.name::pg_catalog.name`,
  );
  const name = row?.name ?? "";
  return {
    systemIdentifier: row?.system ?? "",
    slotName: name,
    slot:
      row?.is_there === true
        ? {
            name,
            confirmed: lsnOf(row.confirmed ?? "0/0"),
            isLost: row.status === "lost",
            isForeign: row.is_ours !== true,
            isFollowed: row.active,
          }
        : undefined,
    publications: JSON.parse(row?.publications ?? "[]") as string[],
  };
}

/**
 * Waits until nobody follows the slot. Whoever looks at state and position while somebody writes them would see what does not
 * fit, and take it for a gap. @throws {PublisherError} `stream` where somebody goes on following
 */
export async function untilFree(sql: Sql): Promise<void> {
  const until = performance.now() + FREE_WITHIN_MS;
  while ((await readServer(sql)).slot?.isFollowed === true) {
    if (performance.now() > until) throw new PublisherError("stream", "another capture process is running");
    await sleep(100);
  }
}

/**
 * Whether the slot was moved forward, or made anew, between the look at it and now, when it is in use and nobody can any more:
 * the server then sends from there without a word.
 */
export async function wasMoved(sql: Sql, linkedTo: Lsn): Promise<boolean> {
  const { slot } = await readServer(sql);
  return slot === undefined || slot.isForeign || slot.confirmed > linkedTo;
}

/**
 * Makes the slot, and returns from where it sends. From PostgreSQL 17 on, standbys get a copy of it where the server is set
 * up for that (`sync_replication_slots`).
 */
export async function createSlot(sql: Sql, name: string): Promise<Lsn> {
  const [version] = await sql.unsafe<{ number: number }[]>(
    "select pg_catalog.current_setting('server_version_num')::pg_catalog.int4 as number",
  );
  const options = (version?.number ?? 0) >= 170_000 ? ", false, false, true" : "";
  const [row] = await sql.unsafe<{ lsn: string }[]>(
    `select s.lsn::pg_catalog.text from pg_catalog.pg_create_logical_replication_slot($1::pg_catalog.name, 'pgoutput'${options}) as s`,
    [name],
  );
  return lsnOf(row?.lsn ?? "");
}

export async function dropSlot(sql: Sql, name: string): Promise<void> {
  await whenFree(async () => sql.unsafe("select pg_catalog.pg_drop_replication_slot($1::pg_catalog.name)", [name]));
}
