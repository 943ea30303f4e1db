import { type SQL, sql } from "drizzle-orm";
import type { AnyPgDatabase } from "../database.ts";
import { OWNER } from "../set-up/as-owner.ts";
import type { Migration } from "../set-up/migrations.ts";
import { INSTALLER_FUNCTIONS, INSTALLER_TABLES } from "../set-up/rights.ts";
import { CAPTURE_FUNCTION, type ShippedNames } from "../set-up/shipped-names.ts";
import type { FoundObject } from "./found-object.ts";

/** Tables of ours, whosever they are. Functions come once they have been made anew: others of the same name may be there. */
export async function mendTableOwners(tx: AnyPgDatabase, { tables }: ShippedNames): Promise<void> {
  const rows = await tx
    .select({ table: sql<string>`c.oid::regclass::text` })
    .from(sql`pg_catalog.pg_class as c join pg_catalog.pg_roles as r on r.oid = c.relowner`)
    .where(
      sql`c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname in ${tables} and r.rolname <> '${OWNER}'`,
    );
  for (const { table } of rows) await tx.execute(sql`alter table ${sql.raw(table)} owner to ${OWNER}`);
}

/**
 * Takes every right on the chain's own objects back, and grants what the migrations grant. Of the functions only those that
 * this transaction has made, which are ours.
 *
 * @param installers roles that have just what a set-up without superuser leaves to whoever ran it: they keep it
 */
export async function mendRights(
  tx: AnyPgDatabase,
  names: ShippedNames,
  shipped: readonly Migration[],
  installers: ReadonlySet<string>,
): Promise<void> {
  await takeBack(tx, names, installersOf(installers));
  const statements = shipped.flatMap((migration) => migration.statements);
  for (const statement of statements)
    if (/^(?:GRANT |DO \$(?:alerts|quiet)\$)/m.test(statement)) await tx.execute(sql.raw(statement));
}

/** Owner and rights of capture functions, which have been made last. */
export async function mendCaptureRights(tx: AnyPgDatabase): Promise<void> {
  await takeBack(tx, null, sql`r.rolname = 'scidex_audit_deployer'`);
}

const installersOf = (installers: ReadonlySet<string>): SQL => sql`r.rolname in ${["", ...installers]}`;

/**
 * @param names null for capture functions
 * @param keeps which roles `r` keep their rights beside the owner
 */
async function takeBack(tx: AnyPgDatabase, names: ShippedNames | null, keeps: SQL): Promise<void> {
  const isOurs =
    names === null ? sql`p.proname operator(pg_catalog.~) ${CAPTURE_FUNCTION}` : sql`p.proname in ${names.functions}`;
  const tables = names?.tables ?? [];
  const rows = await tx
    .select({
      object: sql<string>`o.object`,
      owner: sql<string>`o.owner::regrole::text`,
      isOwned: sql<boolean>`o.owner = '${OWNER}'::regrole`,
      grantees: sql<string>`(select coalesce(pg_catalog.json_agg(distinct case a.grantee when 0 then 'public' else a.grantee::regrole::text end), '[]')::text
        from pg_catalog.aclexplode(o.acl) as a where a.grantee not in (select r.oid from pg_catalog.pg_roles as r where r.rolname = '${OWNER}' or ${keeps}))`,
    })
    .from(
      sql`(select pg_catalog.concat('function ', p.oid::regprocedure) as object, p.proowner as owner, coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner)) as acl
             from pg_catalog.pg_proc as p
            where p.pronamespace = 'public'::regnamespace and ${isOurs} and p.xmin = pg_catalog.pg_current_xact_id()::xid
           union all
           select pg_catalog.concat(case c.relkind when 'S' then 'sequence ' else 'table ' end, c.oid::regclass), c.relowner, c.relacl
             from pg_catalog.pg_class as c
            where c.relnamespace = 'public'::regnamespace and c.relname in ${[...tables.flatMap((name) => [name, `${name}_id_seq`]), ""]} and c.relkind in ('r', 'S')) as o`,
    );
  for (const { object, owner, isOwned, grantees } of rows) {
    // A sequence goes with its table.
    if (!isOwned && !object.startsWith("sequence")) await tx.execute(sql`alter ${sql.raw(object)} owner to ${OWNER}`);
    for (const grantee of JSON.parse(grantees) as string[])
      if (grantee !== owner) await tx.execute(sql.raw(`revoke all on ${object} from ${grantee} cascade`));
  }
}

/** Roles that have just what a set-up without superuser grants to whoever runs it, and nothing else on our objects. */
export function installersAmong(found: readonly FoundObject[]): ReadonlySet<string> {
  const expected = new Set(
    [
      ...INSTALLER_TABLES.map((name) => `the table public.${name} SELECT`),
      ...INSTALLER_FUNCTIONS.map((name) => `the function public.${name} EXECUTE`),
    ].map(plain),
  );
  const byRole = new Map<string, Set<string>>();
  for (const { name, rights } of found)
    for (const right of rights ?? []) {
      const [, role = "", privilege = ""] = /^(.*?) ([A-Z]+(?: WITH GRANT OPTION)?)$/.exec(right) ?? [];
      byRole.set(role, (byRole.get(role) ?? new Set()).add(plain(`${name} ${privilege}`)));
    }
  return new Set(
    [...byRole]
      .filter(([role]) => role !== "PUBLIC" && !found.some(({ name }) => name === `the role ${role}`))
      .filter(([, rights]) => rights.size === expected.size && [...rights].every((right) => expected.has(right)))
      .map(([role]) => role),
  );
}

/** Without the chain's schema, and what one may write in more than one way in a signature. */
const plain = (text: string): string => text.replaceAll(/\b\w+\.(?=audit_chain)/g, "").replaceAll(", ", ",");
