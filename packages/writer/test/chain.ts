import { fromHex, type Link, nextLink, toHex } from "@scidex/audit-core";
import { type AnyPgDatabase, auditChain } from "@scidex/audit-schema";
import { sql } from "drizzle-orm";
import { expect } from "vitest";

/** The whole chain as text, in order. */
export async function readChain(db: AnyPgDatabase): Promise<Link[]> {
  const hex = (column: string) => sql<string>`pg_catalog.encode(${sql.identifier(column)}, 'hex')`;
  const rows = await db
    .select({
      seq: sql<string>`seq::text`,
      eventKind: sql<string>`event_kind`,
      eventPk: sql<string>`event_pk`,
      payloadHash: hex("payload_hash"),
      eventHash: hex("event_hash"),
      prevHash: hex("prev_hash"),
      chainHash: hex("chain_hash"),
      beforeHash: sql<string | null>`pg_catalog.encode(before_hash, 'hex')`,
      appendedAt: sql<string>`to_char(appended_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`,
    })
    .from(auditChain)
    .orderBy(auditChain.seq);
  return rows.map((row) => ({
    seq: BigInt(row.seq),
    eventKind: row.eventKind,
    eventPk: row.eventPk,
    payloadHash: fromHex(row.payloadHash),
    eventHash: fromHex(row.eventHash),
    prevHash: fromHex(row.prevHash),
    chainHash: fromHex(row.chainHash),
    beforeHash: row.beforeHash === null ? null : fromHex(row.beforeHash),
    appendedAt: row.appendedAt,
  }));
}

/** Recomputes every link with core: no gap, no fork, every hash right. */
export async function expectIntact(db: AnyPgDatabase): Promise<Link[]> {
  const links = await readChain(db);
  let before: Link | null = null;
  for (const link of links) {
    const expected: Link = nextLink(before, link);
    expect({ ...link, chain: toHex(link.chainHash) }).toEqual({ ...expected, chain: toHex(expected.chainHash) });
    before = link;
  }
  return links;
}

/** How many rows wait to be linked. */
export async function pendingCount(db: AnyPgDatabase): Promise<number> {
  const [row] = await db.select({ n: sql<string>`count(*)::text` }).from(sql`public.audit_chain_pending`);
  return Number(row?.n);
}

/** How many links there are, and the last one: enough to see that nothing was added. */
export async function tip(db: AnyPgDatabase): Promise<string | undefined> {
  const [row] = await db
    .select({ tip: sql<string>`count(*) || ' ' || max(seq) || ' ' || max(encode(chain_hash, 'hex'))` })
    .from(auditChain);
  return row?.tip;
}
