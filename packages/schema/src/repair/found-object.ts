import { sql } from "drizzle-orm";
import type { AnyPgDatabase } from "../database.ts";
import { CAPTURE_FUNCTION, type ShippedNames } from "../set-up/shipped-names.ts";

/** One thing that the set-up or attach has made, as it is. */
export interface FoundObject {
  /** For example `the function public.audit_chain_seal(integer)`. */
  readonly name: string;
  /** The text that makes it; `there` for what has none. */
  readonly definition: string;
  /** Null for what belongs to something else. */
  readonly owner: string | null;
  /** Rights of others than the owner, each as `ROLE PRIVILEGE`; null where none was ever granted or taken back. */
  readonly rights: readonly string[] | null;
}

/** All that a repair may change: the chain's own objects, its roles, and what is on audited tables. */
export async function findObjects(tx: AnyPgDatabase, names: ShippedNames): Promise<FoundObject[]> {
  const isOurs = sql`p.pronamespace = 'public'::regnamespace
    and (p.proname in ${names.functions} or p.proname operator(pg_catalog.~) ${CAPTURE_FUNCTION})`;
  const isTable = sql`c.relnamespace = 'public'::regnamespace and c.relname in ${names.tables}`;
  const rows = await tx
    .select({
      name: sql<string>`o.name`,
      definition: sql<string>`o.definition`,
      owner: sql<string | null>`o.owner`,
      rights: sql<string | null>`o.rights`,
    })
    .from(
      sql`(
        select pg_catalog.concat('the function ', p.oid::regprocedure) as name, pg_catalog.pg_get_functiondef(p.oid) as definition,
               p.proowner::regrole::text as owner, ${rightsOf(sql`p.proacl`, sql`p.proowner`)} as rights
          from pg_catalog.pg_proc as p where ${isOurs}
        union all
        select pg_catalog.concat('the table ', c.oid::regclass), 'there', c.relowner::regrole::text, ${rightsOf(sql`c.relacl`, sql`c.relowner`)}
          from pg_catalog.pg_class as c where ${isTable} and c.relkind = 'r'
        union all
        select pg_catalog.concat('the trigger ', pg_catalog.quote_ident(t.tgname), ' of ', t.tgrelid::regclass),
               pg_catalog.concat(case t.tgenabled when 'O' then '' when 'A' then 'always: ' when 'D' then 'disabled: ' else 'for replication only: ' end,
                                 pg_catalog.pg_get_triggerdef(t.oid)), null, null
          from pg_catalog.pg_trigger as t join pg_catalog.pg_class as c on c.oid = t.tgrelid left join pg_catalog.pg_proc as p on p.oid = t.tgfoid
         where ${isOurs} or (not t.tgisinternal and (${isTable} or t.tgname in ('audit_chain_capture', 'audit_chain_guard', 'audit_chain_guard_truncate', '0_audit_chain_track')))
        union all
        select pg_catalog.concat('the role ', r.rolname), 'there', null, null from pg_catalog.pg_roles as r where r.rolname in (${names.roles})
      ) as o`,
    )
    .orderBy(sql`o.name`);
  return rows.map(({ rights, ...rest }) => ({
    ...rest,
    rights: rights === null ? null : (JSON.parse(rights) as string[]),
  }));
}

const rightsOf = (acl: ReturnType<typeof sql>, owner: ReturnType<typeof sql>) =>
  sql`(select coalesce(pg_catalog.json_agg(pg_catalog.concat(case a.grantee when 0 then 'PUBLIC' else a.grantee::regrole::text end, ' ', a.privilege_type,
         case when a.is_grantable then ' WITH GRANT OPTION' end)), '[]')::text from pg_catalog.aclexplode(${acl}) as a where a.grantee <> ${owner}
        having ${acl} is not null)`;

/** Rows of ours without which nothing is captured or linked, and who may read audited tables: once all tables are there. */
export async function findRows(tx: AnyPgDatabase): Promise<FoundObject[]> {
  const rows = await tx.select({ name: sql<string>`o.name`, rights: sql<string | null>`o.rights` }).from(
    sql`(select 'the row of public.audit_chain_lock' as name, null::text as rights from public.audit_chain_lock as l where l.id
           union all
           select pg_catalog.concat('the entry of the kind ', r.kind, ' in public.audit_chain_relation'), null from public.audit_chain_relation as r
           union all
           select pg_catalog.concat('the table ', c.oid::regclass),
                  (select coalesce(pg_catalog.json_agg(pg_catalog.concat(a.grantee::regrole, ' SELECT')), '[]')::text from pg_catalog.aclexplode(c.relacl) as a
                    where a.privilege_type = 'SELECT' and a.grantee in (select g.oid from pg_catalog.pg_roles as g where g.rolname in ('scidex_audit_inspector', 'scidex_audit_publisher')))
             from pg_catalog.pg_class as c
            where c.oid in (select pg_catalog.to_regclass(k.relation) from public.audit_chain_config as k where not pg_catalog.starts_with(k.kind, 'audit_chain'))) as o`,
  );
  return rows.map(({ name, rights }) => ({
    name,
    definition: "there",
    owner: null,
    rights: rights === null ? null : (JSON.parse(rights) as string[]),
  }));
}
