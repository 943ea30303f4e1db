import { sql } from "drizzle-orm";
import type { AnyPgDatabase } from "../database.ts";
import { OWNER } from "../set-up/as-owner.ts";

/**
 * Capture functions, triggers and guards of audited tables, by the configuration in force; and which relation a kind belongs
 * to, where that was not known any more. What is covered stays as it is.
 */
export async function mendAudited(tx: AnyPgDatabase): Promise<void> {
  // Of a kind that was detached, or whose table is gone, the function stays: it must be as it was. Rows stay checked.
  const rows = await tx
    .select({ kind: sql<string>`k.kind`, isAttached: sql<boolean>`k.newest <> 'detach' and c.oid is not null` })
    .from(
      sql`(select distinct on (n.kind) n.kind, n.action as newest, n.relation from public.audit_chain_config as n
            where not pg_catalog.starts_with(n.kind, 'audit_chain') order by n.kind, n.id desc) as k
          left join pg_catalog.pg_class as c on c.oid = pg_catalog.to_regclass(k.relation) and c.relkind in ('r', 'p')`,
    )
    .orderBy(sql`k.kind`);
  for (const { kind, isAttached } of rows) {
    await mendOwner(tx, kind);
    if (isAttached) await mendTable(tx, kind);
    else await mendDetached(tx, kind);
  }
}

/** Our owner makes a capture function anew: whose it is now does not matter, as it is another one before anybody can call it. */
async function mendOwner(tx: AnyPgDatabase, kind: string): Promise<void> {
  const rows = await tx
    .select({ signature: sql<string>`p.oid::regprocedure::text` })
    .from(sql`pg_catalog.pg_proc as p`)
    .where(
      sql`p.oid = pg_catalog.to_regprocedure(pg_catalog.concat('public.', public.audit_chain_capture_name(${kind}), '()')) and p.proowner <> '${OWNER}'::regrole`,
    );
  for (const { signature } of rows) await tx.execute(sql`alter function ${sql.raw(signature)} owner to ${OWNER}`);
}

async function mendTable(tx: AnyPgDatabase, kind: string): Promise<void> {
  const config = sql`public.audit_chain_in_force(${kind}) as k join pg_catalog.pg_class as c on c.oid = pg_catalog.to_regclass(k.relation)`;
  const rowWise = sql`(c.relkind = 'p' or k.changes = 'track')`;
  await tx.execute(sql`
    insert into public.audit_chain_relation (kind, relid, column_numbers, numbered_for)
    select k.kind, c.oid, (select coalesce(pg_catalog.jsonb_object_agg(a.attname, a.attnum), '{}')::text from pg_catalog.pg_attribute as a
                            where a.attrelid = c.oid and a.attname::text = any (k.columns || k.excluded) and a.attnum > 0 and not a.attisdropped), c.oid
      from ${config}
     where not exists (select from public.audit_chain_relation as r where r.kind = k.kind or r.relid = c.oid)`);
  await tx.execute(sql`
    select public.audit_chain_put_triggers(c.oid, k.changes, k.mode, ${rowWise},
             public.audit_chain_capture_open(c.oid, k.kind, k.key_columns, k.columns, k.members, k.absent, k.changes, k.mode, ${rowWise}, k.blind_key, k.salt, null))
      from ${config}`);
}

async function mendDetached(tx: AnyPgDatabase, kind: string): Promise<void> {
  await tx.execute(sql`
    select public.audit_chain_capture_function(k.kind, k.relation, k.key_columns, k.columns, k.members, k.absent, k.changes, k.mode,
             k.changes = 'track' or exists (select from pg_catalog.pg_class as c where c.oid = pg_catalog.to_regclass(k.relation) and c.relkind = 'p'), k.blind_key, k.salt)
      from (select k.* from public.audit_chain_config as k where k.kind = ${kind} and cardinality(k.columns) > 0 order by k.id desc limit 1) as k
     where exists (select from pg_catalog.pg_proc as p where p.pronamespace = 'public'::regnamespace and p.proname = public.audit_chain_capture_name(k.kind))`);
  await tx.execute(sql`
    select public.audit_chain_grant_reading(c.oid) from pg_catalog.pg_class as c
     where c.relkind in ('r', 'p') and c.oid in (select pg_catalog.to_regclass(k.relation) from public.audit_chain_config as k where k.kind = ${kind})`);
}
