import type { Micros } from "@scidex/audit-core";
import { eachTuple, type Lane, type Relation } from "@scidex/audit-reader";

/** What waits to be linked. */
export interface Pending {
  readonly rows: bigint;
  /** Age of the oldest, in seconds; null where there is none. */
  readonly age: number | null;
  readonly warnings: readonly string[];
}

/** Microseconds from the Unix epoch to that of PostgreSQL. */
const POSTGRES_EPOCH = 946_684_800_000_000n;

export async function readPending(lane: Lane, pending: Relation, now: Micros): Promise<Pending> {
  let rows = 0n;
  let conflicts = 0n;
  let oldest: bigint | null = null;
  await eachTuple(await lane.scan(pending, ["staged_at", "conflict"], "binary"), 2, ([time, conflict]) => {
    if (conflict !== null) {
      conflicts++;
      return;
    }
    rows++;
    const staged = time?.length === 8 ? time.readBigInt64BE(0) : null;
    if (staged !== null && (oldest === null || staged < oldest)) oldest = staged;
  });
  return {
    rows,
    age: ageOf(oldest, now),
    warnings:
      conflicts === 0n
        ? []
        : [
            `${conflicts} captured rows were set aside by the sealer, because their events are chained with another hash: audit-chain status lists them`,
          ],
  };
}

/** Zero for one whose time is still to come: the database's clock may be ahead. */
function ageOf(staged: bigint | null, now: bigint): number | null {
  if (staged === null) return null;
  const age = Number((now - (staged + POSTGRES_EPOCH)) / 1_000_000n);
  return Math.max(age, 0);
}
