import {
  emptyFrontier,
  type Frontier,
  FrontierBuilder,
  GENESIS_PREV_HASH,
  type LinkRange,
  MAX_SEQ,
  type Micros,
  sameBytes,
  type Seconds,
  type Seq,
} from "@scidex/audit-core";
import {
  BinaryCopyDecoder,
  CHAIN_COLUMNS,
  type ChainRow,
  COPY_HEADER,
  decodeChainRow,
  frontierOf,
  type PublishedHead,
  TimeChecker,
} from "@scidex/audit-reader";
import { Kernel, type KeySum, type KindSum } from "./kernel.ts";

/** A part of the chain to vouch for. It can be sent to a worker. */
export interface LinksTask {
  /** First seq; the rows come in the order of seq. */
  readonly from: Seq;
  /** Last seq; undefined for the end of the chain. */
  readonly to: Seq | undefined;
  /** Heads from `from` to `to`, in the order of seq; null where heads are not checked. */
  readonly heads: readonly PublishedHead[] | null;
  /** Seqs from `from` to `to`, in their order, up to which sums are wanted too. */
  readonly cuts: readonly Seq[];
  readonly lastSigned: ReadonlyMap<Seq, Seconds>;
  /** Links whose times are known to be false. */
  readonly misdated: readonly LinkRange[];
  /** The head just before `from`, or, with `start`, the newest before it; undefined where there is none. */
  readonly after: PublishedHead | undefined;
  /** Where the links begin, for the tree at their end to be computed; left out where heads alone say what it must be. */
  readonly start?: ChainEnd;
  readonly now: Micros;
  /** Whether the hashes of links are computed, or only rows added up. */
  readonly hashes: boolean;
  readonly tagKey: Uint8Array;
}

/** Where a chain ends, or goes on. */
export interface ChainEnd {
  readonly seq: Seq;
  readonly chainHash: Uint8Array;
  /** The tree of all links up to there. */
  readonly frontier: Frontier;
}

/** What was vouched for: all of it, or there is no such result. */
export interface VouchedLinks {
  readonly rows: number;
  /** The last row; null where there was none. */
  readonly last: ChainRow | null;
  /** prev_hash of the first row, which the caller compares with the part before; null where there was no row. */
  readonly prevHash: Uint8Array | null;
  readonly anchoredTo: Seq;
  readonly sums: readonly KindSum[];
  readonly keys: KeySum;
  /** The sums up to each cut, as far as the chain goes. */
  readonly cuts: readonly (readonly KindSum[])[];
  /** The tree of all links up to the last; null without `start`. */
  readonly frontier: Frontier | null;
}

/** Takes the tags of rows, 8 bytes each, in the rows' order. Valid during the call. */
export type TakeTags = (tags: Uint8Array) => void;

const POSTGRES_EPOCH = 946_684_800_000_000n;
const [AT_END, AT_LIMIT, IS_FULL, CANNOT_VOUCH] = [1, 2, 3, 4];

/**
 * Vouches for links without an object for each: that every row is exactly what an honest chain has at its place, and
 * that the heads fit. As soon as something is otherwise it gives up, and says nothing of what it was: for that there are
 * `LinkChecker`, `HeadChecker` and `TimeChecker`, which it must agree with.
 */
export class LinkVoucher {
  readonly #task: LinksTask;
  readonly #kernel: Kernel;
  readonly #tags: TakeTags;
  readonly #times: TimeChecker;
  readonly #tree: FrontierBuilder | null;
  #nextHead = 0;
  readonly #cuts: KindSum[][] = [];
  #isGood = true;
  #started = false;
  #ended = false;
  /** Bytes in the kernel's memory that are not used yet. */
  #held = 0;
  #rows = 0;
  #first: Uint8Array | null = null;
  #last: Uint8Array | null = null;
  #anchoredTo: bigint;

  constructor(task: LinksTask, tags: TakeTags) {
    this.#task = task;
    this.#tags = tags;
    this.#kernel = new Kernel(task.tagKey);
    const { raw, bytes } = this.#kernel;
    const before = task.start?.chainHash ?? (task.from === 1n ? GENESIS_PREV_HASH : task.after?.chainHash);
    if (before !== undefined) bytes.set(before, raw.PREVIOUS.value);
    raw.setHasPrevious(before !== undefined);
    raw.setNextSeq(task.from);
    const heads = task.heads ?? [];
    this.#times = new TimeChecker(heads, task.lastSigned, task.now, task.after, () => {}, task.misdated);
    const start = task.from === 1n ? emptyFrontier : task.after === undefined ? null : frontierOf(task.after);
    const tree = task.start?.frontier ?? (heads.length === 0 ? null : start);
    this.#tree = tree === null ? null : new FrontierBuilder(tree);
    this.#anchoredTo = start === null || task.heads === null ? 0n : start.size;
    if (heads.length > 0 && start === null) this.#isGood = false;
    this.#plan();
  }

  /** Up to where the kernel may go: the next head or cut, or the end. */
  #plan(): void {
    const { raw } = this.#kernel;
    const head = this.#task.heads?.[this.#nextHead];
    const { earliest, latest } =
      this.#task.heads === null
        ? { earliest: POSTGRES_EPOCH, latest: POSTGRES_EPOCH + MAX_SEQ }
        : this.#times.boundsOf(raw.nextSeq.value);
    const limits = [head?.seq, this.#task.cuts[this.#cuts.length], this.#times.sameUntil(raw.nextSeq.value)];
    const limit = limits.reduce<Seq>((least, seq) => (seq !== undefined && seq < least ? seq : least), MAX_SEQ);
    raw.setLimits(limit, earliest - POSTGRES_EPOCH, latest - POSTGRES_EPOCH);
    raw.setWork(this.#task.hashes, head !== undefined || this.#task.start !== undefined);
  }

  /** Takes the next bytes of the COPY. False as soon as it cannot vouch: then no more need to come. */
  push(chunk: Uint8Array): boolean {
    const size = this.#kernel.raw.INPUT_BYTES.value;
    for (let at = 0; at < chunk.length && this.#isGood;) {
      const part = chunk.subarray(at, at + size - this.#held);
      this.#kernel.bytes.set(part, this.#kernel.raw.INPUT.value + this.#held);
      this.#held += part.length;
      at += part.length;
      if (part.length === 0) this.#isGood = false;
      else this.#work();
    }
    return this.#isGood;
  }

  #work(): void {
    const { raw, bytes } = this.#kernel;
    const [start, end] = [raw.INPUT.value, raw.INPUT.value + this.#held];
    let at = start;
    if (!this.#started) {
      if (this.#held < COPY_HEADER.length) return;
      if (!sameBytes(bytes.subarray(start, start + COPY_HEADER.length), COPY_HEADER)) this.#isGood = false;
      at += COPY_HEADER.length;
      this.#started = true;
    }
    while (this.#isGood && !this.#ended) {
      const before = at;
      at = raw.checkLinks(at, end);
      if (raw.vouched.value > 0) this.#take(before, at);
      if (raw.stopped.value === IS_FULL) continue;
      if (raw.stopped.value === AT_LIMIT) this.#passLimit();
      else if (raw.stopped.value === AT_END) {
        this.#ended = true;
        at += 2;
      } else if (raw.stopped.value === CANNOT_VOUCH) this.#isGood = false;
      else break;
    }
    // Nothing may follow the end.
    if (this.#ended && at !== end) this.#isGood = false;
    bytes.copyWithin(start, at, end);
    this.#held = end - at;
  }

  /** Takes the rows that the kernel vouches for, which stand between two addresses. */
  #take(from: number, end: number): void {
    const { raw, bytes } = this.#kernel;
    const rows = raw.vouched.value;
    this.#rows += rows;
    this.#first ??= bytes.slice(from, Math.min(end, from + 4096));
    this.#last = bytes.slice(raw.lastRow.value, end);
    this.#tags(bytes.subarray(raw.TAGS.value, raw.TAGS.value + 8 * rows));
    const { heads, start } = this.#task;
    if (this.#tree === null || (start === undefined && this.#nextHead >= (heads?.length ?? 0))) return;
    for (let done = 0; done < rows;) {
      // The largest complete subtree that can stand at this place.
      const space = 31 - Math.clz32(rows - done);
      const aligned = Number(BigInt.asUintN(31, this.#tree.size));
      const level = aligned === 0 ? space : Math.min(space, 31 - Math.clz32(aligned & -aligned));
      this.#tree.appendSubtree(level, this.#kernel.slice(raw.subtreeRoot(done, level), 32));
      done += 2 ** level;
    }
  }

  #passLimit(): void {
    const seq = this.#kernel.raw.nextSeq.value - 1n;
    if (this.#task.cuts[this.#cuts.length] === seq) {
      const sums = this.#kernel.sums();
      if (sums === null) this.#isGood = false;
      else this.#cuts.push(sums);
    }
    if (this.#task.heads?.[this.#nextHead]?.seq === seq) this.#passHead();
    else this.#plan();
  }

  #passHead(): void {
    const head = this.#task.heads?.[this.#nextHead];
    if (head === undefined || this.#tree === null || !sameBytes(this.#tree.root(), head.root)) {
      this.#isGood = false;
      return;
    }
    this.#anchoredTo = head.seq;
    this.#nextHead++;
    // Another head of the same seq has another root.
    this.#isGood = this.#task.heads?.[this.#nextHead]?.seq !== head.seq;
    if (this.#isGood) this.#plan();
  }

  /** The result, once the whole COPY has come; null where it cannot vouch for all of it. */
  finish(): VouchedLinks | null {
    const { from, to, heads } = this.#task;
    const isWhole = this.#isGood && this.#ended && this.#nextHead >= (heads?.length ?? 0);
    if (!isWhole || (to !== undefined && from - 1n + BigInt(this.#rows) !== to)) return null;
    const [sums, keys] = [this.#kernel.sums(), this.#kernel.keySum()];
    this.#kernel.release();
    if (sums === null) return null;
    return {
      rows: this.#rows,
      last: this.#last === null ? null : decodeOne(this.#last),
      prevHash: this.#first === null ? null : decodeOne(this.#first).prevHash,
      anchoredTo: this.#anchoredTo,
      sums,
      keys,
      cuts: this.#cuts,
      frontier: this.#task.start === undefined ? null : (this.#tree?.frontier() ?? null),
    };
  }
}

/** The first row of these bytes, which the kernel has vouched for. */
function decodeOne(bytes: Uint8Array): ChainRow {
  const rows: ChainRow[] = [];
  new BinaryCopyDecoder(CHAIN_COLUMNS.length).push(Buffer.concat([COPY_HEADER, bytes]), (fields) => {
    rows.push(decodeChainRow(fields));
  });
  const [row] = rows;
  if (row === undefined) throw new TypeError("a row that was vouched for cannot be decoded");
  return row;
}
