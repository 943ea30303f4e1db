import { sql } from "drizzle-orm";
import type { AnyPgDatabase } from "../database.ts";
import type { Ours, Step, UninstallPlan } from "./ours.ts";

/** Roles that read a chain that stays, and the one that owns it. */
const OF_THE_CHAIN = sql.raw(
  "'scidex_audit_owner', 'scidex_audit_ro', 'scidex_audit_inspector', 'scidex_audit_publisher'",
);

/**
 * The roles belong to the whole server. They go together, where no other database has objects or rights of one of them;
 * one of them stays alone where somebody has granted it something else.
 */
export async function planRoles(
  tx: AnyPgDatabase,
  { names, keepChain }: Ours,
): Promise<Pick<UninstallPlan, "steps" | "kept">> {
  const rows = await tx
    .select({
      role: sql<string>`r.rolname::text`,
      isOfTheChain: sql<boolean>`r.rolname in (${OF_THE_CHAIN})`,
      members: sql<
        string | null
      >`(select pg_catalog.string_agg(m.member::regrole::text, ', ' order by m.member::regrole::text)
        from pg_catalog.pg_auth_members as m where m.roleid = r.oid and m.member <> (select me.oid from pg_catalog.pg_roles as me where me.rolname = current_user))`,
      isUsedElsewhere: sql<boolean>`exists (select from pg_catalog.pg_shdepend as d
        where d.refclassid = 'pg_catalog.pg_authid'::regclass and d.refobjid = r.oid
          and d.dbid not in (0, (select b.oid from pg_catalog.pg_database as b where b.datname = current_database())))`,
    })
    .from(sql`pg_catalog.pg_roles as r`)
    .where(sql`r.rolname in (${names.roles})`)
    .orderBy(sql`1`);
  const roles = rows.filter(({ isOfTheChain }) => !(keepChain && isOfTheChain));
  if (rows.some(({ isUsedElsewhere }) => isUsedElsewhere))
    return { steps: [], kept: roles.map(({ role }) => `the role ${role}: another database uses these roles`) };
  return {
    kept: [],
    steps: roles.map(({ role, members }): Step => ({
      removes: `the role ${role}${members === null ? "" : `, with its members ${members}`}`,
      isOptional: true,
      statements: [revokeParameter(role), sql`drop role ${sql.identifier(role)}`],
    })),
  };
}

/** What init grants from PostgreSQL 15 on, where a superuser runs it. @param role one of ours, whose names need no quotes */
const revokeParameter = (role: string) =>
  sql.raw(`do $$ begin if current_setting('server_version_num')::integer >= 150000 then
    execute 'revoke set on parameter log_min_messages from ${role}'; end if;
    exception when insufficient_privilege then null; end $$`);
