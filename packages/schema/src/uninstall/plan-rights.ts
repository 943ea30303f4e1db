import { sql } from "drizzle-orm";
import type { AnyPgDatabase } from "../database.ts";
import type { Ours, Step } from "./ours.ts";

/** One right that one of our roles has on an object that is not ours. */
interface Right {
  readonly object: string;
  readonly privilege: string;
  readonly role: string;
}

/**
 * Rights that init and attach have granted on what stays: on audited tables and their schemas, on the alerts, on public.
 * Where the chain stays, whoever may read it may go on reading the tables that it is about.
 */
export async function planRights(tx: AnyPgDatabase, ours: Ours): Promise<Step[]> {
  const alerts = await rightsOn(
    tx,
    sql`select c.oid, case c.relkind when 'S' then 'SEQUENCE ' else 'TABLE ' end, case c.relkind when 'S' then 'USAGE' else 'INSERT' end, 'scidex_audit_alert'
          from pg_catalog.pg_class as c
         where c.oid = pg_catalog.to_regclass('public.senate_alerts')
            or c.relkind = 'S' and exists (select from pg_catalog.pg_depend as d where d.classid = 'pg_catalog.pg_class'::regclass
                 and d.objid = c.oid and d.refobjid = pg_catalog.to_regclass('public.senate_alerts') and d.deptype = 'a')`,
  );
  if (ours.keepChain) return alerts.map(revoked);
  const audited = (await auditedTables(tx, ours)).map((name) => sql`select ${name}::regclass`);
  const tables = audited.length === 0 ? sql`select 0::oid where false` : sql.join(audited, sql` union all `);
  const readers = sql`(values ('scidex_audit_inspector'), ('scidex_audit_publisher')) as r(role)`;
  const reading = await rightsOn(
    tx,
    sql`select t.oid, 'TABLE ', 'SELECT', r.role from (${tables}) as t(oid) cross join ${readers}`,
  );
  const schemas = await tx
    .select({
      object: sql<string>`pg_catalog.concat('SCHEMA ', pg_catalog.quote_ident(n.nspname))`,
      privilege: sql<string>`a.privilege_type`,
      role: sql<string>`g.rolname::text`,
    })
    .from(
      sql`pg_catalog.pg_namespace as n cross join lateral pg_catalog.aclexplode(n.nspacl) as a
          join pg_catalog.pg_roles as g on g.oid = a.grantee`,
    )
    .where(
      sql`g.rolname in ('scidex_audit_inspector', 'scidex_audit_publisher') and a.privilege_type = 'USAGE'
            and n.oid in (select c.relnamespace from (${tables}) as t(oid) join pg_catalog.pg_class as c on c.oid = t.oid)
          or g.rolname = 'scidex_audit_owner' and n.oid = 'public'::regnamespace`,
    )
    .orderBy(sql`1, 2, 3`);
  return [...reading, ...alerts, ...schemas].map(revoked);
}

const revoked = ({ object, privilege, role }: Right): Step => ({
  removes: `${privilege} on ${object.toLowerCase().startsWith("table ") ? object.slice(6) : object.toLowerCase()} from ${role}`,
  statements: [sql`revoke ${sql.raw(privilege)} on ${sql.raw(object)} from ${sql.identifier(role)}`],
});

/** Of the wanted rights (oid, what it is, privilege, role) those that there are. */
async function rightsOn(tx: AnyPgDatabase, wanted: ReturnType<typeof sql>): Promise<Right[]> {
  return await tx
    .select({
      object: sql<string>`pg_catalog.concat(w.what, w.oid::regclass::text)`,
      privilege: sql<string>`w.privilege`,
      role: sql<string>`w.role`,
    })
    .from(
      sql`(${wanted}) as w(oid, what, privilege, role) join pg_catalog.pg_class as c on c.oid = w.oid
          join pg_catalog.pg_roles as g on g.rolname = w.role`,
    )
    .where(
      sql`exists (select from pg_catalog.aclexplode(c.relacl) as a where a.grantee = g.oid and a.privilege_type = w.privilege)`,
    )
    .orderBy(sql`1, 2, 3`);
}

/** Tables that have ever been attached, as far as they are there: by the configuration, and by what belongs to whom now. */
async function auditedTables(tx: AnyPgDatabase, { tables }: Ours): Promise<string[]> {
  const names = new Set<string>();
  if (tables.includes("audit_chain_config")) {
    const rows = await tx
      .select({ name: sql<string>`distinct k.relation` })
      .from(sql`public.audit_chain_config as k`)
      .where(sql`pg_catalog.to_regclass(k.relation) is not null`);
    for (const { name } of rows) names.add(name);
  }
  if (tables.includes("audit_chain_relation")) {
    const rows = await tx
      .select({ name: sql<string>`r.relid::regclass::text` })
      .from(sql`public.audit_chain_relation as r join pg_catalog.pg_class as c on c.oid = r.relid`);
    for (const { name } of rows) names.add(name);
  }
  return [...names];
}
