import { sql } from "drizzle-orm";
import type { AnyPgDatabase } from "../database.ts";
import type { Ours, UninstallPlan } from "./ours.ts";

/** The two tables of the platform that init makes where they are missing, and the columns that it gives them. */
const MADE: Readonly<Record<string, string>> = {
  audit_log: "id,actor,action,target_kind,target_id,details,created_at",
  senate_alerts: "id,kind,ref_id,severity,details,created_at,ack_at,ack_by",
};

/** They go where init made them, and nobody has put anything into them or changed them since. */
export async function planPlatformTables(
  tx: AnyPgDatabase,
  { keepChain }: Ours,
): Promise<Pick<UninstallPlan, "steps" | "kept">> {
  if (keepChain) return { steps: [], kept: [] };
  const rows = await tx
    .select({
      name: sql<string>`c.relname::text`,
      columns: sql<string>`(select pg_catalog.string_agg(a.attname::text, ',' order by a.attnum) from pg_catalog.pg_attribute as a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)`,
    })
    .from(sql`pg_catalog.pg_class as c`)
    .where(
      sql`c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname in ${Object.keys(MADE)}
          and pg_catalog.obj_description(c.oid, 'pg_class') = 'made by audit-chain init'`,
    )
    .orderBy(sql`1`);
  const plan: { steps: UninstallPlan["steps"][number][]; kept: string[] } = { steps: [], kept: [] };
  for (const { name, columns } of rows) {
    const table = sql.raw(`public.${name}`);
    const [row] = await tx
      .select({ one: sql<number>`1` })
      .from(table)
      .limit(1);
    if (row !== undefined) plan.kept.push(`public.${name}: it has rows`);
    else if (columns !== MADE[name]) plan.kept.push(`public.${name}: it has other columns than init made`);
    else plan.steps.push({ removes: `the table public.${name}`, statements: [sql`drop table ${table}`] });
  }
  return plan;
}
