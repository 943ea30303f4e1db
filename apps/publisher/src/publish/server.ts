import { type Micros, microsOfMillis } from "@scidex/audit-core";
import { CLOCK_TOLERANCE_MICROS, type KnownServer } from "@scidex/audit-reader";
import type { Sql, TransactionSql } from "postgres";
import { PublisherError } from "../errors.ts";
import { inTransaction } from "../transaction.ts";

/**
 * Which database this is. A server that does not say its system identifier is told by its name alone.
 */
export async function readServer(sql: Sql): Promise<KnownServer> {
  const { database } = sql.options;
  try {
    const [row] = await sql.unsafe<{ id: unknown }[]>(
      "select s.system_identifier as id from pg_catalog.pg_control_system() as s",
    );
    return { systemIdentifier: typeof row?.id === "string" ? row.id : null, database };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "42501")
      return { systemIdentifier: null, database };
    throw error;
  }
}

/**
 * Checks that this server can be published from, and returns warnings.
 *
 * @throws {PublisherError} `database` on a standby (what it holds may never have been committed on what becomes the
 *   primary, and nothing can be flushed there) or without a plain table `public.audit_chain`; `clock`
 */
export async function checkServer(sql: Sql): Promise<string[]> {
  return inTransaction(sql, "read only", checkInside);
}

async function checkInside(session: TransactionSql): Promise<string[]> {
  const startedMs = Date.now();
  const [server] = await session.unsafe<{ standby: boolean; fsync: string; pages: string; micros: string }[]>(
    `select pg_catalog.pg_is_in_recovery() as standby,
            pg_catalog.current_setting('fsync') as fsync,
            pg_catalog.current_setting('full_page_writes') as pages,
            (extract(epoch from pg_catalog.clock_timestamp()) * 1000000)::pg_catalog.int8 as micros`,
  );
  const endedMs = Date.now();
  if (!server || server.standby)
    throw new PublisherError("database", "this server is a standby: publish from the primary, whose commits are final");
  const theirs: Micros = BigInt(server.micros);
  const tooEarly = theirs < microsOfMillis(startedMs) - CLOCK_TOLERANCE_MICROS;
  const tooLate = theirs > microsOfMillis(endedMs) + CLOCK_TOLERANCE_MICROS;
  if (tooEarly || tooLate)
    throw new PublisherError(
      "clock",
      `the clocks differ: here it is ${new Date(endedMs).toISOString()}, on the database's server ${new Date(Number(theirs / 1_000n)).toISOString()}. Nothing is signed until they agree within 5 minutes`,
    );
  await checkRelation(session);
  return [
    ...(server.fsync === "on" ? [] : ["the server runs with fsync=off: a power cut can undo what has been published"]),
    ...(server.pages === "on"
      ? []
      : ["the server runs with full_page_writes=off: a power cut can damage what has been published"]),
  ];
}

async function checkRelation(session: TransactionSql): Promise<void> {
  const [relation] = await session.unsafe<{ kind: string; persistence: string; inherits: boolean; may: boolean }[]>(
    `select c.relkind as kind, c.relpersistence as persistence,
            exists (select from pg_catalog.pg_inherits i where c.oid in (i.inhparent, i.inhrelid)) as inherits,
            pg_catalog.has_table_privilege(c.oid, 'select') as may
       from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where n.oid = pg_catalog.to_regnamespace('public') and c.relname = 'audit_chain'`,
  );
  if (!relation)
    throw new PublisherError(
      "database",
      "there is no table public.audit_chain in this database: check AUDIT_DATABASE_URL, or run audit-chain init",
    );
  if (relation.kind !== "r" || relation.persistence !== "p" || relation.inherits)
    throw new PublisherError(
      "database",
      "public.audit_chain is not a plain, logged table any more: nothing is signed; audit-verify says more",
    );
  if (!relation.may)
    throw new PublisherError(
      "database",
      "this user may not read public.audit_chain: grant scidex_audit_publisher to it",
    );
}

/**
 * Returns when everything that we have read before is on the server's disk.
 *
 * Rows committed under synchronous_commit=off are visible before they are durable; a head published over them and then
 * a crash would look like tampering for ever. A commit that waits for its own record waits for all before it. It must
 * have written a record: a transaction that has only an id, or nothing, is not waited for, so one message is logged
 * (which nobody decodes).
 */
export async function flushWrites(sql: Sql): Promise<void> {
  await inTransaction(sql, "read write", async (tx) => {
    await tx.unsafe("set local synchronous_commit = on");
    await tx.unsafe("select pg_catalog.pg_logical_emit_message(true, 'audit-chain', 'publish')");
  });
}
