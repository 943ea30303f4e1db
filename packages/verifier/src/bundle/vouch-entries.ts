import {
  CoreError,
  chainHash,
  formatTime,
  GENESIS_PREV_HASH,
  type Micros,
  parseCheckpoint,
  parseNote,
  parseTime,
  type Seq,
  sha256,
  TILE_WIDTH,
  tileAt,
  tileRoot,
} from "@scidex/audit-core";
import {
  type ChainResult,
  type PublishedHead,
  type PublishedHeads,
  type Range,
  readTile,
  TimeChecker,
  VerifierError,
} from "@scidex/audit-reader";
import type { TreeFiles } from "@scidex/audit-sinks";
import { frontierFromFiles, leafOf } from "../prove/tree-entries.ts";
import { LeafReader } from "./plain-leaf.ts";
import { Roots, Tiles, WIDTH } from "./vouch-tree.ts";

/** What a bundle is vouched for by. */
export interface VouchEntriesOptions {
  /** The links that are vouched for; those of a shard, or all. */
  readonly range: Range;
  readonly published: PublishedHeads;
  /** Whether the times of links are judged. */
  readonly judgesTimes: boolean;
  readonly now: Micros;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((rows: number) => void) | undefined;
}

/** Files that are read before it is their turn. */
const AHEAD = 16;

/**
 * The fast way through a log's files: says that each link follows from the one before, each tile is that of the leaves, and
 * each head's root theirs, or nothing at all. Then the slow way has to say what is wrong. Each leaf is read and hashed once.
 * Of a shard, what it reads is held against the signed root by the tiles above; that its first link follows the last one of the
 * shard before, `merge` compares.
 *
 * @param files of which the newest checkpoint and the tiles at its right edge are known to fit
 * @param size that of the last head
 * @returns null where anything is odd
 */
export async function vouchForEntries(
  files: TreeFiles,
  size: Seq,
  options: VouchEntriesOptions,
): Promise<ChainResult | null> {
  const { signal, onProgress, range } = options;
  const to = range.to ?? size;
  // With the link before the first one, which this follows.
  const first = range.from === 1n ? 0n : (range.from - 2n) / WIDTH;
  const end = (to + WIDTH - 1n) / WIDTH;
  try {
    if (!(await endsAt(files, size))) return null;
    const links = new Links(options, to, first * WIDTH);
    const tiles = new Tiles(files, size, first);
    const heads = new Roots(
      options.published.heads.filter(({ seq }) => seq >= range.from && seq <= to),
      await frontierFromFiles(files, first * WIDTH, size),
    );
    for await (const entries of bundles(files, size, first, end)) {
      signal?.throwIfAborted();
      for (const entry of entries) if (!links.push(entry)) return null;
      const hashes = entries.map(leafHashOf);
      const root = hashes.length === TILE_WIDTH ? tileRoot(hashes) : null;
      if (!heads.push(hashes, root) || !(await tiles.push(0, hashes, root))) return null;
      if (links.rows % 65_536 === 0) onProgress?.(links.rows);
    }
    onProgress?.(links.rows);
    return heads.isAtEnd && (await tiles.finish()) ? links.result() : null;
  } catch (error) {
    if (error instanceof CoreError || (error instanceof VerifierError && error.code === "not_provable")) return null;
    throw error;
  }
}

/** A checkpoint can be newer than the last head, from a run that was cut off. */
async function endsAt(files: TreeFiles, size: Seq): Promise<boolean> {
  const checkpoint = await files.read("checkpoint");
  return checkpoint !== undefined && parseCheckpoint(parseNote(Buffer.from(checkpoint).toString()).text).size === size;
}

/**
 * The entries of a tree of that size, in bundles, of which `end` is the first that is not wanted; ends where one is missing.
 *
 * @throws {CoreError} where one is none
 */
async function* bundles(files: TreeFiles, size: Seq, first: bigint, end: bigint): AsyncGenerator<readonly Buffer[]> {
  const read = async (index: number) => {
    // Whatever becomes of it is asked for in its turn.
    const reading = readTile(files, tileAt(size, "entries", BigInt(index)));
    reading.catch(() => {});
    return reading;
  };
  const ahead: ReturnType<typeof read>[] = [];
  const last = Number(end);
  for (let index = Number(first); index < last; index++) {
    while (ahead.length < AHEAD && index + ahead.length < last) ahead.push(read(index + ahead.length));
    const entries = await ahead.shift();
    if (entries === undefined) return;
    yield entries.map((entry) => Buffer.from(entry.buffer, entry.byteOffset, entry.byteLength));
  }
}

/** As `leafHash`, in a tenth less time for all of a log: a buffer is not filled with zeros first. */
function leafHashOf(entry: Buffer): Uint8Array {
  const bytes = Buffer.allocUnsafe(1 + entry.length);
  bytes[0] = 0;
  entry.copy(bytes, 1);
  return sha256(bytes);
}

/** The chain that leaves are of, as long as each follows from the one before, in its time. */
class Links {
  readonly #leaves = new LeafReader();
  readonly #times: TimeChecker | null;
  readonly #heads: readonly PublishedHead[];
  #hash = GENESIS_PREV_HASH;
  #last: { readonly entry: Buffer; readonly prevHash: Uint8Array; readonly eventHash: Uint8Array } | undefined;
  /** The first head that is not before the links at hand. */
  #head = 0;
  /** Between which times the links up to `until` lie. */
  #bounds = { earliest: "", latest: "", until: 0 };
  readonly #from: number;
  readonly #to: number;
  /** The seq of the entry that was read last. */
  #seq: number;
  #startsAfter = GENESIS_PREV_HASH;
  rows = 0;

  /** @param before the seq of the entry before those that are pushed, which may begin before the range, and end behind it */
  constructor({ published, judgesTimes, now, range }: VouchEntriesOptions, to: Seq, before: Seq) {
    const { heads, lastSigned, misdated } = published;
    this.#heads = heads;
    this.#times = judgesTimes ? new TimeChecker(heads, lastSigned, now, range.after, () => {}, misdated) : null;
    [this.#from, this.#to, this.#seq] = [Number(range.from), Number(to), Number(before)];
  }

  push(entry: Buffer): boolean {
    const seq = ++this.#seq;
    if (seq < this.#from - 1 || seq > this.#to) return true;
    const leaf = this.#leaves.read(entry, seq);
    if (leaf === null) return false;
    if (seq < this.#from) {
      this.#hash = this.#startsAfter = Buffer.from(leaf.chainHash, "hex");
      return true;
    }
    const prevHash = this.#hash;
    this.#hash = chainHash(prevHash, leaf.eventHash, BigInt(seq));
    this.#last = { entry, prevHash, eventHash: leaf.eventHash };
    this.rows++;
    return Buffer.from(this.#hash).toString("hex") === leaf.chainHash && this.#isInTime(leaf.appendedAt, seq);
  }

  /** Times have one length, so that their texts are in their order. */
  #isInTime(time: string, seq: number): boolean {
    if (this.#times === null) return true;
    if (seq > this.#bounds.until) {
      const { earliest, latest } = this.#times.boundsOf(BigInt(seq));
      while ((this.#heads[this.#head]?.seq ?? BigInt(seq)) < BigInt(seq)) this.#head++;
      const head = this.#heads[this.#head]?.seq ?? BigInt(seq);
      const same = this.#times.sameUntil(BigInt(seq)) ?? head;
      this.#bounds = {
        earliest: earliest < FIRST_MICROS ? "" : formatTime(earliest),
        latest: formatTime(latest),
        until: Number(head < same ? head : same),
      };
    }
    return time >= this.#bounds.earliest && time <= this.#bounds.latest;
  }

  result(): ChainResult {
    const { entry, prevHash, eventHash } = this.#last ?? {};
    const leaf = entry === undefined ? null : leafOf(entry);
    const to = BigInt(this.#to);
    const last =
      leaf === null || prevHash === undefined || eventHash === undefined
        ? null
        : { ...leaf, eventHash, prevHash, appendedAt: parseTime(leaf.appendedAt), isBroken: false };
    return { to, rows: this.rows, last, anchoredTo: to, startsAfter: this.#startsAfter };
  }
}

const FIRST_MICROS = parseTime("2000-01-01T00:00:00.000000Z");
