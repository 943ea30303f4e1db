import { sql } from "drizzle-orm";
import type { AnyPgDatabase } from "../database.ts";
import { OWNERS, type Ours, type Step } from "./ours.ts";
import { CAPTURE_FUNCTION } from "../set-up/shipped-names.ts";

/** What holds records, and stays with the chain; with its guard, which refuses any change of it. */
const RECORDS: readonly string[] = [
  "audit_chain",
  "audit_chain_config",
  "audit_chain_migrations",
  "audit_chain_salt",
  "audit_chain_secret",
];
const GUARD = "audit_chain_append_only";

/**
 * Functions and tables of ours, all functions at once and then all tables at once: they depend on each other, and nothing
 * else may depend on them.
 */
export async function planMachinery(tx: AnyPgDatabase, ours: Ours): Promise<Step[]> {
  const records = [...RECORDS, ...((await hasConflicts(tx, ours)) ? ["audit_chain_pending"] : [])];
  const kept = (name: string): boolean => ours.keepChain && records.includes(name);
  const tables = ours.tables.filter((name) => !kept(name));
  const triggers = await tx
    .select({ table: sql<string>`c.relname::text`, name: sql<string>`t.tgname::text` })
    .from(sql`pg_catalog.pg_trigger as t join pg_catalog.pg_class as c on c.oid = t.tgrelid
              join pg_catalog.pg_proc as p on p.oid = t.tgfoid`)
    .where(
      sql`c.relnamespace = 'public'::regnamespace and c.relname in ${inList(ours.tables)} and not t.tgisinternal
          and p.pronamespace = 'public'::regnamespace and p.proowner in ${OWNERS}`,
    );
  const functions = await tx
    .select({ name: sql<string>`p.proname::text`, signature: sql<string>`p.oid::regprocedure::text` })
    .from(sql`pg_catalog.pg_proc as p`)
    .where(
      sql`p.pronamespace = 'public'::regnamespace and p.proowner in ${OWNERS}
          and (p.proname in ${ours.names.functions} or p.proname operator(pg_catalog.~) ${CAPTURE_FUNCTION})`,
    );
  const ownTriggers = triggers.filter(({ table, name }) => !(kept(table) && name === GUARD));
  const ownFunctions = functions
    .filter(({ name }) => !(ours.keepChain && name === GUARD))
    .map(({ signature }) => signature);
  const readers = await deployersRights(tx, ours.tables.filter(kept));
  const steps: Step[] = [
    {
      removes: `triggers of its own tables: ${ownTriggers.length}`,
      statements: ownTriggers.map(
        ({ table, name }) => sql`drop trigger ${sql.identifier(name)} on public.${sql.identifier(table)}`,
      ),
    },
    { removes: `functions audit_chain…: ${ownFunctions.length}`, statements: dropped("function", ownFunctions) },
    {
      removes: `tables: ${tables.map((name) => `public.${name}`).join(", ")}`,
      statements: dropped(
        "table",
        tables.map((name) => `public.${name}`),
      ),
    },
  ];
  return [...steps.filter(({ statements }) => statements.length > 0), ...readers];
}

const dropped = (what: string, names: readonly string[]) =>
  names.length === 0 ? [] : [sql.raw(`drop ${what} ${names.join(", ")}`)];

/** What whoever ran the set-up and whoever deploys may read to attach tables; of a chain that stays. */
async function deployersRights(tx: AnyPgDatabase, kept: readonly string[]): Promise<Step[]> {
  const rows = await tx
    .select({ table: sql<string>`c.relname::text`, role: sql<string>`g.rolname::text` })
    .from(
      sql`pg_catalog.pg_class as c cross join lateral pg_catalog.aclexplode(c.relacl) as a
          join pg_catalog.pg_roles as g on g.oid = a.grantee`,
    )
    .where(
      sql`c.relnamespace = 'public'::regnamespace and c.relname in ${inList(kept)} and a.privilege_type = 'SELECT'
          and g.rolname in (current_user, 'scidex_audit_deployer', 'scidex_audit_capture') and g.oid <> c.relowner`,
    )
    .orderBy(sql`1, 2`);
  return rows.map(({ table, role }) => ({
    removes: `SELECT on public.${table} from ${role}`,
    statements: [sql`revoke select on public.${sql.identifier(table)} from ${sql.identifier(role)}`],
  }));
}

/** `in ()` is no SQL. */
const inList = (names: readonly string[]): readonly string[] => (names.length === 0 ? [""] : names);

/** Rows that the sealer has set aside are of no link: they are kept as they are. */
async function hasConflicts(tx: AnyPgDatabase, { keepChain, tables }: Ours): Promise<boolean> {
  if (!keepChain || !tables.includes("audit_chain_pending")) return false;
  const rows = await tx
    .select({ one: sql<number>`1` })
    .from(sql`public.audit_chain_pending as p`)
    .where(sql`p.conflict is not null`)
    .limit(1);
  return rows.length > 0;
}
