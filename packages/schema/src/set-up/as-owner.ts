import { type SQL, sql } from "drizzle-orm";
import type { AnyPgDatabase } from "../database.ts";
import { oneRow } from "./one-row.ts";
import { INSTALLER_FUNCTIONS, INSTALLER_TABLES } from "./rights.ts";

/** The role that everything of ours belongs to, in SQL. Nobody is to become it. */
export const OWNER = sql.raw("scidex_audit_owner");

/**
 * Does something with the rights of `scidex_audit_owner`, which is made where it is missing. Whoever sets the schema up is
 * its member meanwhile, and may attach tables afterwards. A superuser needs neither.
 */
export async function asOwner(
  tx: AnyPgDatabase,
  work: (grantRights: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const session = await readSession(tx);
  const grantRights = async (): Promise<void> => await grantToDeployers(tx, session);
  const isOurs = await makeOwner(tx);
  await enterOwner(tx, session);
  if (isOurs) await tx.execute(sql`alter schema public owner to ${OWNER}`);
  await work(grantRights);
  await grantRights();
  await leaveOwner(tx, session);
}

/** Does something with the rights of `scidex_audit_owner` where that role is there, which afterwards it need not be. */
export async function asOwnerIfThere(tx: AnyPgDatabase, work: () => Promise<void>): Promise<void> {
  const session = await readSession(tx);
  if (await isOwnerThere(tx)) await enterOwner(tx, session);
  await work();
  if (await isOwnerThere(tx)) await leaveOwner(tx, session);
}

async function isOwnerThere(tx: AnyPgDatabase): Promise<boolean> {
  const rows = await tx
    .select({ isThere: sql<boolean>`pg_catalog.to_regrole('scidex_audit_owner') is not null` })
    .from(sql`(select 1) as one`);
  return oneRow(rows).isThere;
}

interface Session {
  readonly me: string;
  readonly superuser: boolean;
  readonly serverVersion: number;
}

async function readSession(tx: AnyPgDatabase): Promise<Session> {
  const rows = await tx
    .select({
      me: sql<string>`current_user::text`,
      superuser: sql<boolean>`rolsuper`,
      serverVersion: sql<number>`pg_catalog.current_setting('server_version_num')::int`,
    })
    .from(sql`pg_catalog.pg_roles`)
    .where(sql`rolname = current_user`);
  return oneRow(rows);
}

/** @returns whether the schema is one that the set-up has made, and not the owner's yet */
async function makeOwner(tx: AnyPgDatabase): Promise<boolean> {
  await tx.execute(
    sql`do $$ begin if not exists (select from pg_catalog.pg_roles where rolname = 'scidex_audit_owner') then create role scidex_audit_owner nologin; end if; end $$`,
  );
  await tx.execute(sql`grant create, usage on schema public to ${OWNER}`);
  const [row] = await tx
    .select({ isNew: sql<boolean>`n.xmin = pg_catalog.pg_current_xact_id()::xid` })
    .from(sql`pg_catalog.pg_namespace as n`)
    .where(sql`n.oid = pg_catalog.to_regnamespace('public') and n.nspname <> ${"public"}`);
  return row?.isNew ?? false;
}

/** The chain's schema, where it is one of its own that is not there yet. */
export async function makeSchema(tx: AnyPgDatabase): Promise<void> {
  await tx.execute(
    sql`do $$ begin if pg_catalog.to_regnamespace('public') is null then create schema public; end if; end $$`,
  );
}

/** In a schema of its own, who works with the chain needs USAGE there, which everybody has in public. */
async function grantUsage(tx: AnyPgDatabase, deployers: SQL): Promise<void> {
  const [row] = await tx
    .select({ isOwn: sql<boolean>`n.nspname <> ${"public"}` })
    .from(sql`pg_catalog.pg_namespace as n`)
    .where(sql`n.oid = pg_catalog.to_regnamespace('public')`);
  if (row?.isOwn === true)
    await tx.execute(
      sql`grant usage on schema public to scidex_audit_writer, scidex_audit_publisher, scidex_audit_ro, scidex_audit_inspector, scidex_audit_retention, scidex_audit_capture, scidex_audit_alert, ${deployers}`,
    );
}

async function enterOwner(tx: AnyPgDatabase, session: Session): Promise<void> {
  if (session.superuser) return;
  const withOptions = session.serverVersion >= 160000 ? sql` with inherit true, set true` : sql``;
  await tx.execute(sql`grant scidex_audit_owner to ${sql.identifier(session.me)}${withOptions}`);
}

async function leaveOwner(tx: AnyPgDatabase, session: Session): Promise<void> {
  if (session.superuser) return;
  await tx.execute(sql`revoke scidex_audit_owner from ${sql.identifier(session.me)}`);
}

/** Whoever deploys may do what a set-up without superuser may: attach, sync and detach tables of its own. */
async function grantToDeployers(tx: AnyPgDatabase, session: Session): Promise<void> {
  const me = sql.identifier(session.me);
  const deployers = session.superuser ? sql`scidex_audit_deployer` : sql`scidex_audit_deployer, ${me}`;
  await grantUsage(tx, deployers);
  for (const table of INSTALLER_TABLES)
    await tx.execute(sql`grant select on ${sql.raw(`public.${table}`)} to ${deployers}`);
  for (const name of INSTALLER_FUNCTIONS)
    await tx.execute(sql`grant execute on function ${sql.raw(`public.${name}`)} to ${deployers}`);
}
