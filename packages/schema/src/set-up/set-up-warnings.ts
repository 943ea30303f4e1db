import { sql } from "drizzle-orm";
import type { AnyPgDatabase } from "../database.ts";
import { oneRow } from "./one-row.ts";
import type { ShippedNames } from "./shipped-names.ts";

/** What the set-up could not do, or cannot prevent. */
export async function readSetUpWarnings(tx: AnyPgDatabase): Promise<string[]> {
  const members = await tx
    .select({ member: sql<string>`m.member::regrole::text` })
    .from(sql`pg_catalog.pg_auth_members as m`)
    .where(sql`m.roleid = 'scidex_audit_owner'::regrole`);
  const warnings = members.map(
    ({ member }) =>
      `${member} keeps the right to administer scidex_audit_owner, because it created that role: a superuser can take it away with REVOKE scidex_audit_owner FROM ${member} GRANTED BY the role that granted it.`,
  );
  const state = oneRow(
    await tx
      .select({
        alerts: sql<boolean>`pg_catalog.has_table_privilege('scidex_audit_alert', 'public.senate_alerts', 'INSERT')`,
        creators: sql<string | null>`case when pg_catalog.current_setting('server_version_num')::int < 160000 then
          (select pg_catalog.string_agg(r.rolname::text, ', ') from pg_catalog.pg_roles as r where r.rolcreaterole and not r.rolsuper) end`,
      })
      .from(sql`(select 1) as one`),
  );
  if (!state.alerts)
    warnings.push(
      "scidex_audit_alert may not write alerts: the owner of public.senate_alerts has to run GRANT INSERT ON public.senate_alerts TO scidex_audit_alert.",
    );
  if (state.creators !== null)
    warnings.push(
      `Before PostgreSQL 16 every role with CREATEROLE can make itself a member of scidex_audit_owner, here ${state.creators}: take CREATEROLE away once the set-up is done.`,
    );
  return warnings;
}

/** Whether something of a chain that is set up was lost, as after a restore without rights: found by a look at the catalog. */
export async function readLossWarnings(tx: AnyPgDatabase, { functions, tables }: ShippedNames): Promise<string[]> {
  const { open, there } = oneRow(
    await tx
      .select({
        open: sql<boolean>`coalesce(pg_catalog.bool_or(o.acl is null), false)`,
        there: sql<number>`pg_catalog.count(distinct o.name)::int`,
      })
      .from(
        sql`(select p.proname::text as name, p.proacl as acl from pg_catalog.pg_proc as p
              where p.pronamespace = 'public'::regnamespace and p.proname in ${functions}
             union all
             select c.relname::text, c.relacl from pg_catalog.pg_class as c
              where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname in ${tables}) as o`,
      ),
  );
  const missing = functions.length + tables.length - there;
  return [
    ...(open
      ? ["Rights that the set-up granted and took back are not there any more, as after a restore without them"]
      : []),
    ...(missing > 0 ? [`${missing} of its functions and tables are missing`] : []),
  ].map((what) => `${what}: verify, then run audit-chain init --repair.`);
}
