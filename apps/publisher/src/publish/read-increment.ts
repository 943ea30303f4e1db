import {
  type Frontier,
  FrontierBuilder,
  type Head,
  type Leaf,
  leafHash,
  leafText,
  microsOfMillis,
  type Seq,
} from "@scidex/audit-core";
import {
  CHAIN_START,
  type ChainRow,
  COPY_LINKS,
  copyLinks,
  type Finding,
  hashedTime,
  HeadChecker,
  LinkChecker,
  type ReportFinding,
  TimeChecker,
  toPublished,
} from "@scidex/audit-reader";
import type { Sql, TransactionSql } from "postgres";
import { PublisherError } from "../errors.ts";
import { inTransaction } from "../transaction.ts";

/** How findings name what was signed last: it need not have arrived in a sink. */
const OURS = "the publisher's state";

export interface ReadOptions {
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
    const walk = new Walk(after, await lastUpTo(tx, after?.seq ?? 0n), Date.now());
    await readLinks(tx, walk, options);
    return walk.result();
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
async function readLinks(tx: TransactionSql, walk: Walk, { signal, onProgress }: ReadOptions): Promise<void> {
  const [top] = await tx.unsafe<{ seq: string | null }[]>(
    "select seq::pg_catalog.int8 from only public.audit_chain order by seq desc limit 1",
  );
  const total = top?.seq == null ? undefined : BigInt(top.seq) - walk.signed;
  for (let isWhole = false; !isWhole && walk.finding === undefined;) {
    if (signal?.aborted) throw new PublisherError("aborted", "stopped while reading the chain; nothing was signed");
    isWhole = (await readSome(tx, walk)) < COPY_LINKS;
    onProgress?.(walk.rows, total);
  }
  if (walk.finding === undefined) walk.finish();
}

/** Reads on in one COPY, and returns how many links it had. */
async function readSome(tx: TransactionSql, walk: Walk): Promise<number> {
  // Again from the last link on: a second row of its seq would else never be seen.
  const { from } = walk;
  let count = 0;
  await copyLinks(tx, { from, limit: COPY_LINKS }, (row) => {
    count++;
    if (count > 1 || row.seq !== walk.seq) walk.push(row);
    return walk.finding === undefined;
  });
  return count;
}

/**
 * Walks from the link that was signed last: it is judged like those that follow, and held against its head. Where it is
 * missing, the walk begins after the last link before it that is there, and finds the gap or the cut.
 */
class Walk {
  /** The first thing that was found. */
  finding: Finding | undefined;
  /** The seq up to which all has been signed. */
  readonly signed: Seq;
  rows = 0n;
  readonly #timeMs: number;
  readonly #links: LinkChecker;
  readonly #heads: HeadChecker;
  readonly #times: TimeChecker;
  readonly #tree: FrontierBuilder;
  /** The last new link, which is not in the tree yet: a head needs the frontier before its last leaf. */
  #end: Leaf | undefined;

  /** @param below the highest seq up to that of `after` that is there */
  constructor(after: Head | undefined, below: Seq, timeMs: number) {
    const report: ReportFinding = (finding) => (this.finding ??= finding);
    const published = after && toPublished(after);
    const start = after === undefined || below < after.seq ? below : after.seq - 1n;
    const tree = after !== undefined && start === after.seq - 1n ? before(after) : { size: start, hashes: null };
    const heads = published === undefined ? [] : [published];
    this.signed = after?.seq ?? 0n;
    this.#timeMs = timeMs;
    this.#links = new LinkChecker(after === undefined ? CHAIN_START : { seq: start, chainHash: null }, report);
    // Which of the links before it were rewritten, the last one cannot tell.
    this.#heads = new HeadChecker(heads, new Map(heads.map((head) => [head, OURS])), tree, report, 1n);
    this.#times = new TimeChecker([], new Map(), microsOfMillis(timeMs), published, report);
    this.#tree = new FrontierBuilder(after?.frontier);
  }

  /** The last seq that was pushed. */
  get seq(): Seq {
    return this.#links.seq;
  }

  /** The first seq to be read. */
  get from(): Seq {
    return this.#links.rows > 0 ? this.seq : this.seq + 1n;
  }

  push(row: ChainRow): void {
    this.#links.push(row);
    if (row.seq <= this.signed) {
      this.#heads.push(row);
      return;
    }
    if (this.finding === undefined) this.#times.push(row);
    const appendedAt = hashedTime(row);
    if (this.finding !== undefined || appendedAt === null) return;
    if (this.#end !== undefined) this.#tree.append(leafHash(leafText(this.#end)));
    this.#end = { ...row, appendedAt };
    this.rows++;
  }

  /** No more links follow. */
  finish(): void {
    this.#heads.finish(false);
  }

  result(): Look {
    const end = this.#end && { leaf: this.#end, before: this.#tree.frontier() };
    const isAnchored = this.#heads.anchoredTo >= this.signed;
    return { increment: { rows: this.rows, end, isAnchored, timeMs: this.#timeMs }, finding: this.finding };
  }
}

/** The tree before a head's last leaf: the proof of that leaf is its frontier, reversed. */
export const before = ({ seq, proof }: Head): Frontier => ({ size: seq - 1n, hashes: proof.toReversed() });
