import type { ISql } from "postgres";

/** Which parts of the chain's state this login may read. */
export interface Rights {
  readonly chain: boolean;
  readonly pending: boolean;
  readonly position: boolean;
  readonly config: boolean;
  /** Which table each kind belongs to. */
  readonly map: boolean;
  readonly migrations: boolean;
}

/** The last link. */
export interface HeadState {
  readonly seq: number;
  readonly chain_hash: string;
  readonly appended_at: string;
  readonly age_seconds: number;
}

/** Captured rows that are not linked yet, and those that cannot be. */
export interface PendingState {
  readonly count: number;
  /** Those of them that strict commits have left to the sealer, because the chain's lock was held. */
  readonly late_count: number;
  readonly oldest_seconds: number | null;
  readonly conflict_count: number;
  /** The first of them. */
  readonly conflicts: readonly { event_kind: string; event_pk: string; staged_at: string; reason: string }[];
}

/** How many conflicts are shown by name. */
export const SHOWN_CONFLICTS = 20;

export async function readRights(sql: ISql): Promise<Rights> {
  const [row] = await sql<Rights[]>`
    select pg_catalog.has_table_privilege('public.audit_chain', 'select') as chain,
           pg_catalog.has_table_privilege('public.audit_chain_pending', 'select') as pending,
           coalesce(pg_catalog.has_table_privilege(pg_catalog.to_regclass('public.audit_chain_position'), 'select'), false) as position,
           pg_catalog.has_table_privilege('public.audit_chain_config', 'select') as config,
           pg_catalog.has_table_privilege('public.audit_chain_relation', 'select') as map,
           pg_catalog.has_table_privilege('public.audit_chain_migrations', 'select') as migrations`;
  if (row === undefined) throw new Error("the database returned no row where one is certain");
  return row;
}

/** Null for an empty chain. */
export async function readHead(sql: ISql): Promise<HeadState | null> {
  const [row] = await sql<{ seq: string; chain_hash: string; appended_at: string; age: string }[]>`
    select seq, pg_catalog.encode(chain_hash, 'hex') as chain_hash,
           pg_catalog.to_char(appended_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as appended_at,
           extract(epoch from pg_catalog.clock_timestamp() - appended_at)::text as age
      from public.audit_chain order by seq desc limit 1`;
  if (row === undefined) return null;
  const { seq, chain_hash, appended_at, age } = row;
  return { seq: Number(seq), chain_hash, appended_at, age_seconds: Number(age) };
}

export async function readPending(sql: ISql): Promise<PendingState> {
  const [row] = await sql<{ count: string; late: string; oldest: string | null; conflicts: string }[]>`
    select count(*) filter (where conflict is null) as count,
           count(*) filter (where conflict is null and mode = 'late') as late, count(*) filter (where conflict is not null) as conflicts,
           extract(epoch from pg_catalog.clock_timestamp() - min(staged_at) filter (where conflict is null))::text as oldest
      from public.audit_chain_pending`;
  const conflicts = await sql<{ event_kind: string; event_pk: string; staged_at: string; reason: string }[]>`
    select event_kind, event_pk, conflict as reason,
           pg_catalog.to_char(staged_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as staged_at
      from public.audit_chain_pending where conflict is not null order by id limit ${SHOWN_CONFLICTS}`;
  return {
    count: Number(row?.count ?? 0),
    late_count: Number(row?.late ?? 0),
    oldest_seconds: row?.oldest === null || row?.oldest === undefined ? null : Number(row.oldest),
    conflict_count: Number(row?.conflicts ?? 0),
    conflicts: [...conflicts],
  };
}

/** The newest migration that the database has. */
export async function readSchemaVersion(sql: ISql): Promise<number | null> {
  const [row] = await sql<{ version: number | null }[]>`select max(id) as version from public.audit_chain_migrations`;
  return row?.version ?? null;
}
