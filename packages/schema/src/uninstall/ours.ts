import { type SQL, sql } from "drizzle-orm";
import type { AnyPgDatabase } from "../database.ts";
import type { ShippedNames } from "../set-up/shipped-names.ts";

/** One thing that uninstalling does. */
export interface Step {
  /** What is removed, as a line. */
  readonly removes: string;
  readonly statements: readonly SQL[];
  /** Whether what cannot be removed is kept: another database or somebody else uses it. */
  readonly isOptional?: true;
}

/** What is to be done, in this order, and what stays although it was made by the set-up. */
export interface UninstallPlan {
  readonly steps: readonly Step[];
  /** What stays, and why, each as a line. */
  readonly kept: readonly string[];
  /** Links that are lost. */
  readonly links: bigint;
}

/** What the parts of the plan go by. */
export interface Ours {
  readonly names: ShippedNames;
  readonly keepChain: boolean;
  /** Relations of the chain's own that are there, by name. */
  readonly tables: readonly string[];
}

/**
 * Tables of ours. One of such a name that belongs to somebody else is an earlier implementation's, or an attacker's; after
 * a restore without owners all of them are whose the table of migrations is.
 */
export async function ownTables(tx: AnyPgDatabase, { tables }: ShippedNames): Promise<string[]> {
  const rows = await tx
    .select({ name: sql<string>`c.relname::text` })
    .from(sql`pg_catalog.pg_class as c`)
    .where(
      sql`c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname in ${tables} and c.relowner in ${OWNERS}`,
    )
    .orderBy(sql`c.relname`);
  return rows.map(({ name }) => name);
}

/** Oids of the roles that own our objects. */
export const OWNERS = sql`(select r.oid from pg_catalog.pg_roles as r where r.rolname = 'scidex_audit_owner'
  union all select m.relowner from pg_catalog.pg_class as m where m.oid = pg_catalog.to_regclass('public.audit_chain_migrations'))`;
