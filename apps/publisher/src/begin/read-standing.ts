import {
  emptyFrontier,
  FrontierBuilder,
  leafHash,
  leafText,
  type LinkId,
  type LinkRange,
  MAX_MISDATED,
  type Micros,
  microsOfMillis,
  sameBytes,
  type Seq,
} from "@scidex/audit-core";
import {
  CHAIN_START,
  type ChainRow,
  COPY_LINKS,
  copyLinks,
  type Finding,
  hashedTime,
  LinkChecker,
  type PublishedHead,
  TimeChecker,
} from "@scidex/audit-reader";
import type { Sql, TransactionSql } from "postgres";
import { PublisherError } from "../errors.ts";
import { inTransaction } from "../transaction.ts";

/** How the chain stands to what a log has published of it. */
export interface ChainStanding {
  /** The last head that it fits; null for none. */
  readonly fits: LinkId | null;
  /** Links whose times cannot be true. */
  readonly misdated: readonly LinkRange[];
}

/** What the chain is held against. */
export interface StandingGround {
  /** Heads of the log, in the order of their seq. */
  readonly heads: readonly PublishedHead[];
  /** Links whose times were known to be false before. */
  readonly misdated: readonly LinkRange[];
  readonly signal: AbortSignal | undefined;
}

/**
 * Walks along the whole chain twice, in one snapshot: up to where does it fit the heads, and which of its times can be
 * true beside those that it fits?
 *
 * @throws {PublisherError} `begin` where a link is missing or damaged: no head is ever signed over it
 */
export async function readStanding(sql: Sql, ground: StandingGround): Promise<ChainStanding> {
  return await inTransaction(sql, "isolation level repeatable read read only", async (tx) => {
    // The lock first, then the snapshot.
    await tx.unsafe("lock table only public.audit_chain in access share mode");
    const now = microsOfMillis(Date.now());
    const fits = await readFits(tx, ground);
    return { fits: fits ?? null, misdated: await readMisdated(tx, fits?.seq ?? 0n, now, ground) };
  });
}

async function readFits(tx: TransactionSql, { heads, signal }: StandingGround): Promise<LinkId | undefined> {
  const found: Finding[] = [];
  const links = new LinkChecker(CHAIN_START, (one) => found.push(one));
  const tree = new FrontierBuilder(emptyFrontier);
  let next = 0;
  let fits: LinkId | undefined;
  await eachLink(tx, signal, (row) => {
    links.push(row);
    requireWhole(found);
    const appendedAt = hashedTime(row);
    if (appendedAt === null) throw damaged(row.seq, "its time has no form");
    tree.append(leafHash(leafText({ ...row, appendedAt })));
    for (let head = heads[next]; head?.seq === row.seq; head = heads[++next])
      if (sameBytes(tree.root(), head.root)) fits = { seq: row.seq, chainHash: row.chainHash };
  });
  return fits;
}

function requireWhole([first]: readonly Finding[]): void {
  if (first !== undefined) throw damaged(first.seq ?? 0n, `${first.check}: ${first.message}`);
}

const damaged = (seq: Seq, why: string): PublisherError =>
  new PublisherError(
    "begin",
    `the chain itself is damaged at link ${seq} (${why}), and no log can go on over that. docs/life.md has what to do: put the link back, restore a backup, or begin with a new chain`,
  );

async function readMisdated(
  tx: TransactionSql,
  fitsTo: Seq,
  now: Micros,
  { heads, misdated, signal }: StandingGround,
): Promise<LinkRange[]> {
  const known = misdated.flatMap(({ from, to }) => (from > fitsTo ? [] : [{ from, to: to < fitsTo ? to : fitsTo }]));
  const ranges: LinkRange[] = [...known];
  const fitting = heads.filter(({ seq }) => seq <= fitsTo);
  const lastSigned = new Map(fitting.map(({ seq, signedTime }) => [seq, signedTime]));
  const wrong = (seq: Seq): void => {
    const last = ranges.at(-1);
    if (last?.to === seq - 1n) ranges[ranges.length - 1] = { from: last.from, to: seq };
    else ranges.push({ from: seq, to: seq });
  };
  const times = new TimeChecker(fitting, lastSigned, now, undefined, ({ seq }) => wrong(seq ?? 0n), known);
  await eachLink(tx, signal, (row) => times.push(row));
  const joined = ranges.toSorted((a, b) => (a.from < b.from ? -1 : 1));
  if (joined.length <= MAX_MISDATED) return joined;
  throw new PublisherError(
    "begin",
    `the times of links in ${joined.length} places cannot be true; expected at most ${MAX_MISDATED}. Restore a backup, or begin with a new chain: docs/life.md`,
  );
}

async function eachLink(
  tx: TransactionSql,
  signal: AbortSignal | undefined,
  take: (row: ChainRow) => void,
): Promise<void> {
  for (let from = 1n, isWhole = false; !isWhole;) {
    if (signal?.aborted) throw new PublisherError("aborted", "stopped while reading the chain; nothing has begun");
    let count = 0;
    let failure: unknown;
    await copyLinks(tx, { from, limit: COPY_LINKS }, (row) => {
      count++;
      from = row.seq + 1n;
      try {
        take(row);
        return true;
      } catch (error) {
        // A COPY has to be read to its end first.
        failure = error;
        return false;
      }
    });
    if (failure !== undefined) throw failure;
    isWhole = count < COPY_LINKS;
  }
}
