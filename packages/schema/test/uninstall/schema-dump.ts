import type postgres from "postgres";

/**
 * All that a schema dump of a database has, and its roles, as lines of text: relations, columns, functions, triggers,
 * constraints, indexes, types, comments, default privileges, rights, settings, memberships. A list of rights that says what
 * having none says is left out, as pg_dump does.
 */
export async function schemaDump(sql: postgres.Sql): Promise<string[]> {
  const rows = await sql<{ line: string }[]>`
    with here as (select n.oid, n.nspname from pg_namespace n where n.nspname !~ '^pg_' and n.nspname <> 'information_schema')
    select concat('relation ', c.oid::regclass, ' ', c.relkind, ' ', c.relowner::regrole, ' ', c.relpersistence, c.relrowsecurity, c.relreplident, ' ', c.reloptions,
                  ' triggers ', c.relhastriggers and exists (select from pg_trigger t where t.tgrelid = c.oid), ' ', obj_description(c.oid, 'pg_class')) as line
      from pg_class c join here h on h.oid = c.relnamespace
    union all
    select concat('right on ', c.oid::regclass, ' ', a.grantee::regrole, ' ', a.privilege_type, a.is_grantable)
      from pg_class c join here h on h.oid = c.relnamespace cross join lateral aclexplode(coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's'::"char" else 'r' end, c.relowner))) a
    union all
    select concat('column ', a.attrelid::regclass, '.', a.attname, ' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, a.attacl, ' ', pg_get_expr(d.adbin, d.adrelid))
      from pg_attribute a join pg_class c on c.oid = a.attrelid join here h on h.oid = c.relnamespace
      left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum where a.attnum > 0
    union all
    select concat('function ', p.oid::regprocedure, ' ', p.proowner::regrole, ' ', (select string_agg(x::text, ',' order by x::text) from unnest(p.proacl) x), ' ', md5(pg_get_functiondef(p.oid)), ' ', obj_description(p.oid, 'pg_proc'))
      from pg_proc p join here h on h.oid = p.pronamespace
    union all
    select concat('trigger ', pg_get_triggerdef(t.oid), t.tgenabled) from pg_trigger t where not t.tgisinternal
    union all
    select concat('constraint ', c.conrelid::regclass, ' ', c.conname, ' ', pg_get_constraintdef(c.oid)) from pg_constraint c join here h on h.oid = c.connamespace
    union all
    select concat('schema ', n.nspname, ' ', n.nspowner::regrole) from pg_namespace n join here h on h.oid = n.oid
    union all
    select concat('right on schema ', n.nspname, ' ', a.grantee::regrole, ' ', a.privilege_type)
      from pg_namespace n join here h on h.oid = n.oid cross join lateral aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
    union all
    select concat('type ', t.oid::regtype, ' ', t.typowner::regrole) from pg_type t join here h on h.oid = t.typnamespace
    union all
    select concat('default right ', d.defaclrole::regrole, ' ', d.defaclobjtype, ' ', d.defaclacl) from pg_default_acl d
    union all
    select concat('role ', r.rolname, r.rolcanlogin, r.rolsuper, r.rolcreaterole) from pg_roles r
    union all
    select concat('member ', m.roleid::regrole, ' ', m.member::regrole) from pg_auth_members m
    union all
    select concat('parameter ', to_jsonb(p) ->> 'parname', ' ', p.paracl) from pg_parameter_acl p where array_length(p.paracl, 1) > 1
    order by 1`;
  return rows.map(({ line }) => line);
}
