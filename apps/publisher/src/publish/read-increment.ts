import type { Head } from "@scidex/audit-core";
import type { Sql, TransactionSql } from "postgres";
import { type ChainRow, seqValue } from "./chain-row.ts";
import type { Divergence } from "./divergence.ts";
import { PublisherError } from "../errors.ts";
import { checkAnchor, Increment } from "./increment.ts";
import { inTransaction } from "../transaction.ts";

/** Rows a round trip: some 2 MB. */
const CURSOR_ROWS = 2_000;

const COLUMNS =
  "seq, event_kind, event_pk, payload_hash, event_hash, prev_hash, chain_hash, before_hash, appended_at::pg_catalog.text as appended_at";

export interface ReadOptions {
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((rows: bigint, total: bigint | undefined) => void) | undefined;
}

export interface IncrementResult {
  readonly increment: Increment;
  readonly finding: Divergence | undefined;
  /** Whether the link that was signed last is not there as it was. */
  readonly isUnanchored: boolean;
  /** Our clock just before the snapshot, in milliseconds since the Unix epoch: nothing in it is younger. */
  readonly time: number;
}

/**
 * Reads and verifies what the chain has gained since the last signed head, in one snapshot, in constant memory. A
 * finding is looked at again in a fresh snapshot before it is believed.
 */
export async function readIncrement(
  sql: Sql,
  after: Head | undefined,
  now: () => number,
  options: ReadOptions,
): Promise<IncrementResult> {
  const first = await inSnapshot(sql, after, now, options);
  return first.finding === undefined ? first : inSnapshot(sql, after, now, options);
}

async function inSnapshot(
  sql: Sql,
  after: Head | undefined,
  now: () => number,
  options: ReadOptions,
): Promise<IncrementResult> {
  return inTransaction(sql, "isolation level repeatable read read only", async (tx) => {
    // The lock first, then the snapshot: a rewrite of the table that commits in between would leave it empty for us.
    await tx.unsafe("lock table only public.audit_chain in access share mode");
    const time = now();
    const increment = new Increment(after, BigInt(time) * 1_000n);
    const lost = after && (await readAnchor(tx, after));
    const finding = lost ?? (await readRows(tx, increment, after, options));
    return { increment, finding, isUnanchored: lost !== undefined, time };
  });
}

async function readAnchor(session: TransactionSql, head: Head): Promise<Divergence | undefined> {
  const seq = String(head.seq);
  const from = "from only public.audit_chain where seq";
  const rows = await session.unsafe<ChainRow[]>(`select ${COLUMNS} ${from} = $1::pg_catalog.int8 limit 2`, [seq]);
  const [below] = await session.unsafe<ChainRow[]>(
    `select seq ${from} <= $1::pg_catalog.int8 order by seq desc limit 1`,
    [seq],
  );
  const above = await session.unsafe<ChainRow[]>(`select seq ${from} > $1::pg_catalog.int8 limit 1`, [seq]);
  return checkAnchor(head, rows, seqValue(below?.seq) ?? 0n, above.length > 0);
}

async function readRows(
  session: TransactionSql,
  increment: Increment,
  after: Head | undefined,
  options: ReadOptions,
): Promise<Divergence | undefined> {
  const start = after?.seq ?? 0n;
  const [top] = await session.unsafe<ChainRow[]>("select seq from only public.audit_chain order by seq desc limit 1");
  const highest = seqValue(top?.seq);
  const total = highest === undefined ? undefined : highest - start;
  const rows = session.unsafe<ChainRow[]>(
    `select ${COLUMNS} from only public.audit_chain where seq > $1::pg_catalog.int8 order by seq`,
    [String(start)],
  );
  let done = 0n;
  for await (const batch of rows.cursor(CURSOR_ROWS)) {
    if (options.signal?.aborted)
      throw new PublisherError("aborted", "stopped while reading the chain; nothing was signed");
    for (const row of batch) {
      const finding = increment.add(row);
      if (finding) return finding;
    }
    done += BigInt(batch.length);
    options.onProgress?.(done, total);
  }
  return undefined;
}
