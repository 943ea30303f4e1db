import { sql } from "drizzle-orm";
import type { AnyPgDatabase } from "../database.ts";
import type { Migration } from "../set-up/migrations.ts";
import { runStatement } from "../set-up/run-statement.ts";

/** Tables that hold no records, and are made anew where they are missing. What waited in pending to be linked is lost then. */
const MACHINERY = [
  "audit_chain_lock",
  "audit_chain_relation",
  "audit_chain_pending",
  "audit_chain_ticket",
  "audit_chain_leaving",
  "audit_chain_handed",
];

/** The statements of the migrations, one after the other. */
const statementsOf = (shipped: readonly Migration[]): string[] => shipped.flatMap(({ statements }) => [...statements]);

/** Roles, as the migrations make them where they are missing. */
export async function mendRoles(tx: AnyPgDatabase, shipped: readonly Migration[]): Promise<void> {
  for (const statement of statementsOf(shipped))
    if (/^DO \$roles\$/m.test(statement)) await tx.execute(sql.raw(statement));
}

/** Tables of ours that are missing, with their indexes. */
export async function mendTables(tx: AnyPgDatabase, shipped: readonly Migration[]): Promise<void> {
  const rows = await tx
    .select({ name: sql<string>`c.relname::text` })
    .from(sql`pg_catalog.pg_class as c`)
    .where(sql`c.relnamespace = 'public'::regnamespace and c.relname in ${MACHINERY}`);
  const there = new Set(rows.map(({ name }) => name));
  for (const statement of statementsOf(shipped)) {
    const [, made, indexed] =
      /^CREATE (?:UNLOGGED )?TABLE (?:public\.|")(\w+)|^CREATE INDEX .* ON "(\w+)"/m.exec(statement) ?? [];
    const name = made ?? indexed;
    if (name !== undefined && MACHINERY.includes(name) && !there.has(name)) await runStatement(tx, statement);
  }
}

/** Functions as the migrations have them, and what the chain's own tables are guarded, linked and captured by. */
export async function mendFunctions(tx: AnyPgDatabase, shipped: readonly Migration[]): Promise<void> {
  for (const statement of statementsOf(shipped))
    if (/^CREATE OR REPLACE FUNCTION public\./m.test(statement)) await runStatement(tx, statement);
}

/** Triggers of our own tables, the row that serialises linking, and capture of the configuration. */
export async function mendOwnTriggers(tx: AnyPgDatabase, shipped: readonly Migration[]): Promise<void> {
  await tx.execute(
    sql`insert into public.audit_chain_lock select true where not exists (select from public.audit_chain_lock where id)`,
  );
  for (const statement of statementsOf(shipped)) {
    if (
      /^SELECT public\.audit_chain_capture_function\(/m.test(statement) ||
      /^ALTER TABLE .* ENABLE ALWAYS TRIGGER/m.test(statement)
    )
      await tx.execute(sql.raw(statement));
    else if (/^DO \$capture\$/m.test(statement) || /^CREATE TRIGGER /m.test(statement))
      await tx.execute(sql.raw(statement.replace("CREATE TRIGGER", "CREATE OR REPLACE TRIGGER")));
    else if (/^CREATE CONSTRAINT TRIGGER /m.test(statement)) await mendConstraintTrigger(tx, statement);
  }
}

/** Such a trigger cannot be replaced: another one is dropped. */
async function mendConstraintTrigger(tx: AnyPgDatabase, statement: string): Promise<void> {
  const [definition = "", name = "", table = ""] =
    /CREATE CONSTRAINT TRIGGER (\w+) .* ON public\.(\w+) [^;]*/.exec(statement) ?? [];
  const rows = await tx
    .select({ isSame: sql<boolean>`pg_catalog.pg_get_triggerdef(t.oid) = ${literal(definition)}` })
    .from(sql`pg_catalog.pg_trigger as t`)
    .where(sql`t.tgrelid = pg_catalog.to_regclass(${literal(`public.${table}`)}) and t.tgname = ${name}`);
  if (rows[0]?.isSame === true) return;
  await tx.execute(sql`drop trigger if exists ${sql.identifier(name)} on public.${sql.identifier(table)}`);
  await tx.execute(sql.raw(statement));
}

/** Text of the migrations in a statement: not as a value, since in another place it is other text. */
const literal = (text: string) => sql.raw(`'${text.replaceAll("'", "''")}'`);
