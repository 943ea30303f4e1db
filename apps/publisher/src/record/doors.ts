import { type LinkId, type Seq, toHex } from "@scidex/audit-core";
import type { RowBatch } from "@scidex/audit-verifier";
import type { Sql } from "postgres";
import { PublisherError } from "../errors.ts";
import { inTransaction } from "../transaction.ts";

/** The highest id of a row of the configuration; 0 where there is none. */
export async function newestConfiguration(sql: Sql): Promise<bigint> {
  const [row] = await sql.unsafe<{ id: string }[]>(
    "select coalesce(pg_catalog.max(c.id), 0)::pg_catalog.text as id from only public.audit_chain_config as c",
  );
  return BigInt(row?.id ?? 0);
}

/** A link by its seq. @throws {PublisherError} `database` where it is not there */
export async function linkAt(sql: Sql, seq: Seq): Promise<LinkId> {
  const [row] = await sql.unsafe<{ chain_hash: Uint8Array }[]>(
    `select c.chain_hash from only public.audit_chain as c where c.seq = ${seq}`,
  );
  if (row === undefined) throw new PublisherError("database", `the link ${seq} is not there any more`);
  return { seq, chainHash: row.chain_hash };
}

/** What the door has seen meanwhile. */
export interface Recorded {
  /** The chain's length. */
  readonly size: Seq;
  /** How many rows were recorded. */
  readonly rows: number;
  /** Keys that have got a newer event. */
  readonly changed: readonly string[];
}

/** Rows as the door takes them: texts of arrays, which the server takes apart by itself; as JSON it took a statement over all elements. */
export interface BatchTexts {
  readonly keys: string;
  readonly payloadHashes: string;
  readonly beforeHashes: string;
}

/**
 * Records rows anew, in one transaction. Keys that have an event after `asOf` are passed over.
 *
 * It does not wait until that is on the disk: whoever signs waits for it (`flushWrites`), and what a crash has lost is
 * recorded again.
 */
export async function recordBatch(sql: Sql, kind: string, texts: BatchTexts, asOf: Seq): Promise<Recorded> {
  return await inTransaction(sql, "isolation level read committed read write", async (tx) => {
    const lazily = tx.unsafe("set local synchronous_commit = off");
    const recorded = tx.unsafe<{ size: string; rows: number; changed: string }[]>(
      `select r.size::pg_catalog.text, r.recorded as rows, pg_catalog.to_json(r.changed)::pg_catalog.text as changed
         from public.audit_chain_record($1, $2::pg_catalog.text::pg_catalog.text[], $3::pg_catalog.text::pg_catalog.bytea[],
                                        $4::pg_catalog.text::pg_catalog.bytea[], $5::pg_catalog.int8) as r`,
      [kind, texts.keys, texts.payloadHashes, texts.beforeHashes, String(asOf)],
    );
    const [[row]] = await Promise.all([recorded, lazily]);
    if (row === undefined) throw new PublisherError("database", "audit_chain_record has returned nothing");
    return { size: BigInt(row.size), rows: row.rows, changed: JSON.parse(row.changed) as string[] };
  });
}

/** @param changed keys that are left out */
export function textsOf({ keys, hashes }: RowBatch, changed: ReadonlySet<string>): BatchTexts {
  const hex = hashes.toString("hex", 0, 2 * HASH_BYTES * keys.length);
  const kept = keys.flatMap((key, i) => (changed.has(key) ? [] : [{ key, at: 4 * HASH_BYTES * i }]));
  const column = (offset: number): string =>
    kept
      .map(({ at }) => hex.slice(at + offset, at + offset + 2 * HASH_BYTES))
      .map((hash) => (hash === NO_HASH ? "NULL" : `"\\\\x${hash}"`))
      .join(",");
  return {
    keys: arrayText(kept.map(({ key }) => key)),
    payloadHashes: `{${column(0)}}`,
    beforeHashes: `{${column(2 * HASH_BYTES)}}`,
  };
}

const HASH_BYTES = 32;
/** Nothing has this hash. */
const NO_HASH = "00".repeat(HASH_BYTES);

/** An array as PostgreSQL reads it from text. */
export const arrayText = (values: readonly (string | null)[]): string =>
  `{${values.map((value) => (value === null ? "NULL" : `"${value.replaceAll(/["\\]/gu, "\\$&")}"`)).join(",")}}`;

/** Chains the hash of a statement. */
export async function chainStatement(sql: Sql, hash: Uint8Array): Promise<void> {
  await inTransaction(sql, "isolation level read committed read write", async (tx) => {
    await tx.unsafe("select public.audit_chain_statement(pg_catalog.decode($1, 'hex'))", [toHex(hash)]);
  });
}
