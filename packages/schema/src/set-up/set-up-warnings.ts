import { sql } from "drizzle-orm";
import type { AnyPgDatabase } from "../database.ts";
import { oneRow } from "./one-row.ts";

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
