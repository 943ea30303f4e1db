import { sql } from "drizzle-orm";
import type { AnyPgDatabase } from "../database.ts";
import { SchemaError } from "../errors.ts";
import { appliedMigrations } from "../set-up/applied-migrations.ts";
import type { Migration } from "../set-up/migrations.ts";

/** What holds records: none of it is ever made anew, since an empty one would say that nothing was recorded. */
const RECORDS = [
  "audit_chain",
  "audit_chain_config",
  "audit_chain_secret",
  "audit_chain_salt",
  "audit_chain_migrations",
];

/**
 * What a repair rests on must stand: a chain of this release, whoever owns it.
 *
 * @throws {SchemaError} `not_repairable`, `newer_schema`, `migration_changed`
 */
export async function requireStanding(tx: AnyPgDatabase, shipped: readonly Migration[]): Promise<void> {
  const there = await tx
    .select({ name: sql<string>`c.relname::text` })
    .from(sql`pg_catalog.pg_class as c`)
    .where(sql`c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname in ${RECORDS}`);
  const missing = RECORDS.filter((name) => !there.some((one) => one.name === name));
  if (missing.length === RECORDS.length)
    throw cannot("there is no audit chain in this database. Run audit-chain init, which makes one");
  if (missing.length > 0)
    throw cannot(
      `${missing.map((name) => `public.${name}`).join(" and ")} ${missing.length === 1 ? "is" : "are"} missing. What holds records is never made anew, for it would say that nothing was recorded. Restore it from a backup`,
    );
  const applied = await appliedMigrations(tx, shipped);
  const later = shipped.filter(({ id }) => !applied.has(id));
  if (later.length > 0)
    throw cannot(
      `the database does not have the migration ${later[0]?.name}. Repair it with the release that set it up, then run audit-chain init`,
    );
  const columns = await tx
    .select({ columns: sql<string>`pg_catalog.string_agg(a.attname::text, ',' order by a.attnum)` })
    .from(sql`pg_catalog.pg_attribute as a`)
    .where(sql`a.attrelid = 'public.audit_chain'::regclass and a.attnum > 0 and not a.attisdropped`);
  if (
    columns[0]?.columns !==
    "seq,event_kind,event_pk,payload_hash,event_hash,prev_hash,chain_hash,before_hash,appended_at"
  )
    throw cannot(
      `public.audit_chain has other columns than a chain (${columns[0]?.columns}). Restore it from a backup`,
    );
}

const cannot = (why: string): SchemaError => new SchemaError("not_repairable", `Nothing was mended: ${why}.`);
