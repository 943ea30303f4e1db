import { sql } from "drizzle-orm";
import type { AnyPgDatabase } from "../database.ts";
import { SchemaError } from "../errors.ts";

/** The name that an earlier chain gets, in the schema in which it is. */
export const EARLIER = "earlier_audit_chain";

/** What an earlier chain must have, whatever else it has. */
const COLUMNS: Readonly<Record<string, RegExp>> = {
  seq: /^(?:bigint|integer)$/u,
  event_kind: /^(?:text|character varying)/u,
  event_pk: /^(?:text|character varying)/u,
  event_hash: /^bytea$/u,
  prev_hash: /^bytea$/u,
  chain_hash: /^bytea$/u,
};

/**
 * Gives the table of an earlier implementation, `audit_chain`, another name, and with it its sequences, indexes and
 * constraints: those of ours are to have the names that they have everywhere. One that has the other name already gets
 * its parts renamed. Rows stay as they are.
 *
 * @throws {SchemaError} `not_adoptable`
 */
export async function makeRoom(tx: AnyPgDatabase): Promise<void> {
  const found = await readTables(tx);
  const earlier = found.find(({ name, isOurs }) => name === "audit_chain" && !isOurs) ?? found.find(isRenamed);
  if (earlier === undefined)
    throw new SchemaError("not_adoptable", `There is no earlier chain in public: neither audit_chain nor ${EARLIER}.`);
  if (earlier.name === "audit_chain" && found.some(isRenamed))
    throw new SchemaError(
      "not_adoptable",
      `public.${EARLIER} is there already, beside public.audit_chain. Nothing was changed. Rename the one that is no earlier chain.`,
    );
  const table = sql`public.${sql.identifier(earlier.name)}`;
  // Behind a long transaction it would hold up every writer: it gives up, and the set-up tries again.
  await tx.execute(sql`set local lock_timeout = '2s'`);
  await tx.execute(sql`lock table ${table} in access exclusive mode`);
  await tx.execute(sql`set local lock_timeout to default`);
  await checkShape(tx, earlier);
  // Whoever planted an index or a sequence beside it may have chosen its name.
  for (const part of await readParts(tx, earlier.oid))
    await tx.execute(
      part.kind === "constraint"
        ? sql`alter table ${table} rename constraint ${sql.identifier(part.name)} to ${sql.identifier(newName(part.name))}`
        : sql`alter ${sql.raw(part.kind)} public.${sql.identifier(part.name)} rename to ${sql.identifier(newName(part.name))}`,
    );
  if (earlier.name !== EARLIER) await tx.execute(sql`alter table ${table} rename to ${sql.identifier(EARLIER)}`);
}

/** PostgreSQL cuts names off at 63 bytes. */
const newName = (name: string): string => `earlier_${name}`.slice(0, 63);

interface Found {
  readonly name: string;
  readonly oid: string;
  readonly relkind: string;
  readonly isOurs: boolean;
  readonly isPart: boolean;
}

const isRenamed = ({ name }: Found): boolean => name === EARLIER;

async function readTables(tx: AnyPgDatabase): Promise<readonly Found[]> {
  return await tx
    .select({
      name: sql<string>`c.relname::text`,
      oid: sql<string>`c.oid::text`,
      relkind: sql<string>`c.relkind::text`,
      isOurs: sql<boolean>`pg_catalog.pg_get_userbyid(c.relowner) = 'scidex_audit_owner'`,
      isPart: sql<boolean>`c.relispartition or exists (select from pg_catalog.pg_inherits as i where c.oid in (i.inhrelid, i.inhparent))`,
    })
    .from(sql`pg_catalog.pg_class as c`)
    .where(
      sql`c.relnamespace = 'public'::regnamespace and c.relkind <> 'i' and c.relname in ('audit_chain', ${EARLIER})`,
    );
}

async function checkShape(tx: AnyPgDatabase, { name, oid, relkind, isPart }: Found): Promise<void> {
  const wrong = (what: string) =>
    new SchemaError(
      "not_adoptable",
      `public.${name} is no earlier chain that can be taken over: ${what}. Nothing was changed.`,
    );
  if (relkind !== "r" || isPart) throw wrong("expected a plain table, without partitions or children");
  const rows = await tx
    .select({
      name: sql<string>`a.attname::text`,
      type: sql<string>`pg_catalog.format_type(a.atttypid, a.atttypmod)`,
      isKey: sql<boolean>`a.attnotnull and exists (select from pg_catalog.pg_index as i
        where i.indrelid = a.attrelid and i.indisunique and i.indisvalid and i.indpred is null and i.indnkeyatts = 1 and i.indkey[0] = a.attnum)`,
    })
    .from(sql`pg_catalog.pg_attribute as a`)
    .where(sql`a.attrelid = ${oid}::oid and a.attnum > 0 and not a.attisdropped`);
  const columns = new Map(rows.map((row) => [row.name, row]));
  if (columns.has("payload_hash"))
    throw wrong("it has payload_hash, as ours; if it was restored without owners, run audit-chain init --repair");
  for (const [column, type] of Object.entries(COLUMNS)) {
    const is = columns.get(column);
    if (is === undefined) throw wrong(`it has no column ${column}`);
    if (!type.test(is.type)) throw wrong(`its column ${column} is ${is.type}`);
  }
  if (columns.get("seq")?.isKey !== true) throw wrong("its column seq is no key (unique, NOT NULL)");
}

interface Part {
  readonly kind: "index" | "sequence" | "constraint";
  readonly name: string;
}

/** Parts of a table that have a name of ours. A constraint that has an index is renamed with it. */
async function readParts(tx: AnyPgDatabase, oid: string): Promise<readonly Part[]> {
  const rows = await tx.select({ kind: sql<Part["kind"]>`p.kind`, name: sql<string>`p.name` }).from(
    sql`(select 'index' as kind, c.relname::text as name
             from pg_catalog.pg_index as i join pg_catalog.pg_class as c on c.oid = i.indexrelid where i.indrelid = ${oid}::oid
           union all
           select 'sequence', c.relname::text
             from pg_catalog.pg_depend as d join pg_catalog.pg_class as c on c.oid = d.objid and c.relkind = 'S' and c.relnamespace = 'public'::regnamespace
            where d.classid = 'pg_catalog.pg_class'::regclass and d.refclassid = 'pg_catalog.pg_class'::regclass
              and d.refobjid = ${oid}::oid and d.deptype in ('a', 'i')
           union all
           select 'constraint', c.conname::text
             from pg_catalog.pg_constraint as c where c.conrelid = ${oid}::oid and c.contype in ('c', 'f')) as p`,
  );
  return rows.filter(({ name }) => name.startsWith("audit_chain"));
}
