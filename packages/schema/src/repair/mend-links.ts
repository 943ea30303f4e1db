import { type Link, sqlState, toHex } from "@scidex/audit-core";
import { sql } from "drizzle-orm";
import type { AnyPgDatabase } from "../database.ts";
import { SchemaError } from "../errors.ts";
import { inLockedTransaction, type LockOptions } from "../locked-transaction.ts";
import { asOwner } from "../set-up/as-owner.ts";
import { beginSetUp } from "../set-up/begin-set-up.ts";
import { databaseMessage } from "../set-up/database-message.ts";
import { readMigrations } from "../set-up/migrations.ts";
import { explainedRepair, recordRepair, type RepairResult } from "./repair.ts";
import { requireStanding } from "./standing.ts";

/** So many links go into one statement. */
const BATCH = 1_000;

/**
 * Writes links back as they were published, in the place of what stands there, in one transaction, and records in the
 * configuration what was mended, as what it was found. It believes what it is given: whoever calls it has held the links
 * against a signed root.
 *
 * @param links in the order of seq
 * @throws as `repair`; {SchemaError} `not_repairable` where an event among them is chained under another seq too
 */
export async function mendLinks(
  db: AnyPgDatabase,
  links: readonly Link[],
  options: LockOptions = {},
): Promise<RepairResult> {
  const shipped = readMigrations();
  let mended: ReadonlyMap<string, string> = new Map();
  try {
    await inLockedTransaction(db, options, async (tx) => {
      await beginSetUp(tx);
      await requireStanding(tx, shipped);
      await asOwner(tx, async () => {
        await tx.execute(sql`alter table public.audit_chain disable trigger audit_chain_append_only`);
        await tx.execute(sql`select public.audit_chain_lock_chain()`);
        const batches = Array.from({ length: Math.ceil(links.length / BATCH) }, (_, i) =>
          links.slice(i * BATCH, (i + 1) * BATCH),
        );
        const found = new Map<bigint, string>();
        // All of them first: what stands in one place may have the labels of another.
        for (const batch of batches) for (const [seq, text] of await takeOut(tx, batch)) found.set(seq, text);
        for (const batch of batches) await putIn(tx, batch);
        await tx.execute(sql`alter table public.audit_chain enable trigger audit_chain_append_only`);
        mended = namesOf(links, found);
        await recordRepair(tx, mended);
      });
    });
  } catch (error) {
    if (sqlState(error) === "23505")
      throw new SchemaError(
        "not_repairable",
        `Nothing was mended: an event of these links is chained under another seq, too: see with audit-chain verify. The database said: ${databaseMessage(error)}`,
        { cause: error },
      );
    throw explainedRepair(error);
  }
  return { mended };
}

/** What stood in their places, as JSON. */
async function takeOut(tx: AnyPgDatabase, links: readonly Link[]): Promise<[bigint, string][]> {
  const seqs = JSON.stringify(links.map(({ seq }) => String(seq)));
  const isOne = sql`c.seq in (select s::bigint from pg_catalog.json_array_elements_text(${seqs}::json) as s)`;
  const rows = await tx
    .select({ seq: sql<string>`c.seq::text`, text: sql<string>`pg_catalog.row_to_json(c)::text` })
    .from(sql`public.audit_chain as c`)
    .where(isOne);
  await tx.execute(sql`delete from public.audit_chain as c where ${isOne}`);
  return rows.map(({ seq, text }) => [BigInt(seq), text]);
}

async function putIn(tx: AnyPgDatabase, links: readonly Link[]): Promise<void> {
  const rows = JSON.stringify(
    links.map(({ seq, eventKind, eventPk, payloadHash, eventHash, prevHash, chainHash, beforeHash, appendedAt }) => ({
      seq: String(seq),
      event_kind: eventKind,
      event_pk: eventPk,
      payload_hash: toHex(payloadHash),
      event_hash: toHex(eventHash),
      prev_hash: toHex(prevHash),
      chain_hash: toHex(chainHash),
      before_hash: beforeHash === null ? null : toHex(beforeHash),
      appended_at: appendedAt,
    })),
  );
  await tx.execute(sql`
    insert into public.audit_chain (seq, event_kind, event_pk, payload_hash, event_hash, prev_hash, chain_hash, before_hash, appended_at)
    select (l ->> 'seq')::bigint, l ->> 'event_kind', l ->> 'event_pk', pg_catalog.decode(l ->> 'payload_hash', 'hex'),
           pg_catalog.decode(l ->> 'event_hash', 'hex'), pg_catalog.decode(l ->> 'prev_hash', 'hex'), pg_catalog.decode(l ->> 'chain_hash', 'hex'),
           pg_catalog.decode(l ->> 'before_hash', 'hex'), (l ->> 'appended_at')::timestamptz
      from pg_catalog.json_array_elements(${rows}::json) as l`);
}

/** What was mended: links that were missing beside each other as one. */
function namesOf(links: readonly Link[], found: ReadonlyMap<bigint, string>): ReadonlyMap<string, string> {
  const mended = new Map<string, string>();
  for (let i = 0; i < links.length; i++) {
    const first = links[i]?.seq ?? 0n;
    const was = found.get(first);
    let last = first;
    while (was === undefined && links[i + 1]?.seq === last + 1n && !found.has(last + 1n)) {
      last++;
      i++;
    }
    mended.set(last === first ? `the link ${first}` : `the links ${first} to ${last}`, was ?? "");
  }
  return mended;
}
