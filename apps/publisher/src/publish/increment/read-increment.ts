import { type Frontier, type Head, type Leaf, type LinkRange, microsOfMillis, type Seq } from "@scidex/audit-core";
import { COPY_LINKS, copyLinks, type Finding, openLinks, type ReportFinding } from "@scidex/audit-reader";
import { type ChainEnd, vouchForIncrement } from "@scidex/audit-verifier";
import type { Sql, TransactionSql } from "postgres";
import { PublisherError } from "../../errors.ts";
import { inTransaction } from "../../transaction.ts";
import { IncrementWalk } from "./increment-walk.ts";

/**
 * More than the links of one COPY are vouched for together, by the kernel, instead of one by one: a million rows that are
 * recorded anew or backfilled have many.
 */
const VOUCHED_LINKS = 100_000n;

export interface ReadOptions {
  /** Links whose times are known to be false. */
  readonly misdated: readonly LinkRange[];
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((rows: bigint, total: bigint | undefined) => void) | undefined;
}

/** What the chain has gained since a head was signed. What gets signed is its end, where nothing was noted. */
export interface Increment {
  /** Number of links that no head has covered, up to the first in which something was found. */
  readonly rows: bigint;
  /** The last of them, and the tree before it; undefined where there is none. */
  readonly end: { readonly leaf: Leaf; readonly before: Frontier } | undefined;
  /** Whether the link that was signed last is there as it was. */
  readonly isAnchored: boolean;
  /** Our clock just before the snapshot, in milliseconds since the Unix epoch: nothing in it is younger. */
  readonly timeMs: number;
}

/**
 * Reads and checks what the chain has gained since the last signed head, in one snapshot, in constant memory. The first
 * finding ends the walk: nothing is signed then, and the verifier says the rest. It is looked at again in a fresh
 * snapshot before it is noted.
 *
 * The checkers are the verifier's; its connections, on which each plan is read before it is run, are not. Those read a
 * table from its beginning, so that a publication would cost what is there and not what is new; and to open them and read
 * the catalogs takes as much CPU again as a publication of 1,000 links (20 ms). A database that lies to the publisher
 * gets a head signed that does not fit its chain, and the verifier reports that.
 *
 * @param after the head that was signed last; undefined for a chain of which nothing has been signed
 * @param noted takes what was found
 */
export async function readIncrement(
  sql: Sql,
  after: Head | undefined,
  noted: ReportFinding,
  options: ReadOptions,
): Promise<Increment> {
  const first = await inSnapshot(sql, after, options);
  if (first.finding === undefined) return first.increment;
  const again = await inSnapshot(sql, after, options);
  if (again.finding !== undefined) noted(again.finding);
  return again.increment;
}

interface Look {
  readonly increment: Increment;
  readonly finding: Finding | undefined;
}

async function inSnapshot(sql: Sql, after: Head | undefined, options: ReadOptions): Promise<Look> {
  return inTransaction(sql, "isolation level repeatable read read only", async (tx) => {
    // The lock first, then the snapshot: a rewrite of the table that commits in between would leave it empty for us.
    await tx.unsafe("lock table only public.audit_chain in access share mode");
    const timeMs = Date.now();
    const walk = new IncrementWalk(
      after,
      await lastUpTo(tx, after?.seq ?? 0n),
      microsOfMillis(timeMs),
      options.misdated,
    );
    await readLinks(tx, walk, options);
    const { rows, last, isAnchored, finding } = walk;
    return { increment: { rows, end: last, isAnchored, timeMs }, finding };
  });
}

/** The highest seq up to `seq` that is there; 0 where there is none. */
async function lastUpTo(tx: TransactionSql, seq: Seq): Promise<Seq> {
  if (seq === 0n) return 0n;
  const [row] = await tx.unsafe<{ seq: string }[]>(
    `select seq::pg_catalog.int8 from only public.audit_chain where seq between 1 and ${seq} order by seq desc limit 1`,
  );
  return row === undefined ? 0n : BigInt(row.seq);
}

/** Reads from where the walk is to the end of the chain, or to the first finding. */
async function readLinks(tx: TransactionSql, walk: IncrementWalk, { signal, onProgress }: ReadOptions): Promise<void> {
  const [top] = await tx.unsafe<{ seq: string | null }[]>(
    "select seq::pg_catalog.int8 from only public.audit_chain order by seq desc limit 1",
  );
  const last = top?.seq == null ? 0n : BigInt(top.seq);
  // Where something is otherwise than it should be, the walk says what.
  let isVouched = true;
  for (let isWhole = false; !isWhole && walk.finding === undefined;) {
    if (signal?.aborted) throw new PublisherError("aborted", "stopped while reading the chain; nothing was signed");
    const end = isVouched ? walk.end : undefined;
    if (end !== undefined && last - end.seq > COPY_LINKS) isVouched = await vouchForSome(tx, walk, end, last - 1n);
    else isWhole = (await readSome(tx, walk)) < COPY_LINKS;
    onProgress?.(walk.rows, top?.seq == null ? undefined : last - walk.signed);
  }
  if (walk.finding !== undefined) return;
  if (walk.rows > 0n && walk.last === undefined)
    throw new PublisherError("database", "the chain's last link was there, and could not be read");
  walk.finish();
}

/** Has the next links vouched for, up to `most`, and lets the walk go on behind them. False where nobody can. */
async function vouchForSome(tx: TransactionSql, walk: IncrementWalk, start: ChainEnd, most: Seq): Promise<boolean> {
  // A second row of the seq that the walk has come to would else never be seen.
  const at = await tx.unsafe(`select from only public.audit_chain where seq = ${start.seq} limit 2`);
  if (at.length !== 1) return false;
  const to = start.seq + VOUCHED_LINKS < most ? start.seq + VOUCHED_LINKS : most;
  const copy = await openLinks(tx, `seq > ${start.seq} and seq <= ${to} order by seq`);
  const end = await vouchForIncrement(copy, {
    start,
    to,
    after: walk.published,
    now: walk.now,
    misdated: walk.misdated,
  });
  if (end !== null) walk.goOn(end);
  return end !== null;
}

/** Reads on in one COPY, and returns how many links it had. */
async function readSome(tx: TransactionSql, walk: IncrementWalk): Promise<number> {
  // Again from the last link on, for the same reason.
  const { from } = walk;
  let count = 0;
  await copyLinks(tx, { from, limit: COPY_LINKS }, (row) => {
    count++;
    if (count > 1 || row.seq !== walk.seq) walk.push(row);
    return walk.finding === undefined;
  });
  return count;
}
