import {
  chainHash,
  emptyFrontier,
  eventHash,
  GENESIS_PREV_HASH,
  type Leaf,
  type Micros,
  microsOfMillis,
  parseTime,
  sameBytes,
  type Seq,
  toHex,
} from "@scidex/audit-core";
import {
  type ChainResult,
  type ChainRow,
  type Findings,
  HeadChecker,
  type Range,
  type RangeRequest,
  type ReportFinding,
  resolveRange,
  TimeChecker,
} from "@scidex/audit-reader";
import { type Sink, type TreeFiles, treeFilesOf } from "@scidex/audit-sinks";
import { eachLeaf } from "../prove/tree-entries.ts";
import { makeReport } from "../report/make-report.ts";
import { reportAbout } from "../report/report-about.ts";
import type { Observations } from "../report/observations.ts";
import type { VerificationReport } from "../report/verification-report.ts";
import { type VerifiedShard, verifiedShard } from "../shards/verified-shard.ts";
import { checkFreshness, type Heads, readHeads } from "../steps/heads.ts";
import { Noted } from "../steps/noted.ts";
import { vouchForEntries } from "./vouch-entries.ts";
import { type ParsedTrust, parseTrust, type Trust } from "../trust.ts";

export interface VerifyBundleOptions extends Pick<RangeRequest, "shard" | "cutSeq"> {
  /**
   * How old the newest signed time may be, in milliseconds; not judged where it is not given: a bundle is of some day. Witnesses
   * must have cosigned no longer before it, as everywhere.
   */
  readonly maxHeadAgeMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((rows: number) => void) | undefined;
  /** The time now, in milliseconds since the Unix epoch. */
  readonly now?: number | undefined;
}

/** What files alone can be checked for. */
export const BUNDLE_CHECKS = ["links", "heads"] as const;
const NOTHING_BESIDE = { notCovered: [], overdue: [] };

/** What comes of verifying a log's files. */
export interface VerifiedBundle {
  readonly report: VerificationReport;
  /** Of a shard: what it shares with the others, and where it begins. */
  readonly shard: VerifiedShard | null;
}

/**
 * Verifies a log from its files alone, without a database: every signature of its head log, every tile and leaf from the signed
 * root down, and each link and root anew from the leaves. What the database's rows are, it cannot say.
 *
 * A shard of it reads its own links and the tiles above them. Where anything is odd there, it reads all, to say what.
 *
 * @param sink a folder as the `tiles` sink and `prove --all` write it
 * @param trust without `heads`: they are the folder's
 * @throws {VerifierError} `keys_malformed`, `origin_missing`; SinkError where a file cannot be read
 */
export async function verifyBundle(
  sink: Sink,
  trust: Omit<Trust, "heads">,
  options: VerifyBundleOptions = {},
): Promise<VerifiedBundle> {
  const started = performance.now();
  const startedAt = new Date().toISOString();
  const parsed = { ...parseTrust(trust), sinks: [sink] };
  let found = (await quickLook(sink, parsed, options)) ?? (await look(sink, parsed, options));
  // What a first look finds may be a folder that is being written.
  if (found.findings.unconfirmed > 0) found = await look(sink, parsed, options, found.findings);
  const about = reportAbout(null, parsed, startedAt);
  const report = makeReport(
    found,
    NOTHING_BESIDE,
    { checks: BUNDLE_CHECKS },
    { about, durationMs: performance.now() - started },
  );
  const warnings = report.warnings.map((warning) => (isOfSingleSink(warning) ? ONE_COPY : warning));
  return {
    report: { ...report, warnings },
    shard: options.shard === undefined ? null : verifiedShard(found, options),
  };
}

const isOfSingleSink = (warning: string): boolean => warning.startsWith("there is a single sink");
const ONE_COPY = "these are one copy of the log: whether it was cut back, or has gone on since, another copy shows";

/** The fast way: null where anything is odd. */
async function quickLook(sink: Sink, trust: ParsedTrust, options: VerifyBundleOptions): Promise<Observations | null> {
  const { maxHeadAgeMs, signal, onProgress } = options;
  const noted = new Noted(BUNDLE_CHECKS, undefined, { accepted: [], isWhole: true });
  const now = microsOfMillis(options.now ?? Date.now());
  const heads = await readHeads(trust, now, { ...options, checks: BUNDLE_CHECKS }, noted, "edge");
  const { published, judgesTimes } = heads;
  const last = published?.heads.at(-1);
  if (sink.files === undefined || published === null || last === undefined || !noted.isSound) return null;
  const files = treeFilesOf(sink.files, published.earlier.at(-1)?.beginning.origin);
  const range = resolveRange(options, published.heads, last.seq);
  const chain = await vouchForEntries(files, last.seq, { range, published, judgesTimes, now, signal, onProgress });
  if (chain === null) return null;
  noted.saw({ chain, from: range.from });
  if (maxHeadAgeMs !== undefined) checkFreshness(heads, chain, now, { maxHeadAgeMs }, noted);
  return noted.finish();
}

async function look(
  sink: Sink,
  trust: ParsedTrust,
  options: VerifyBundleOptions,
  earlier?: Findings,
): Promise<Observations> {
  const noted = new Noted(BUNDLE_CHECKS, earlier, { accepted: [], isWhole: true });
  const now = microsOfMillis(options.now ?? Date.now());
  const heads = await readHeads(trust, now, { ...options, checks: BUNDLE_CHECKS, shard: undefined }, noted);
  const last = heads.published?.heads.at(-1);
  const { files } = sink;
  if (files === undefined) noted.cannotAny("it is no folder with a tree: expected one as a tiles: sink writes it");
  else if (heads.published === null || last === undefined)
    noted.cannotAny("there is no head whose signatures hold: nothing says which links there must be");
  else {
    const origin = heads.published.earlier.at(-1)?.beginning.origin;
    const range = resolveRange(options, heads.published.heads, last.seq);
    const chain = await walkEntries(treeFilesOf(files, origin), last.seq, { range, heads, now, noted, options });
    noted.saw({ chain, from: range.from });
    if (options.maxHeadAgeMs !== undefined)
      checkFreshness(heads, chain, now, { maxHeadAgeMs: options.maxHeadAgeMs }, noted);
  }
  return noted.finish();
}

interface Walk {
  /** What is said to have been walked: of a shard its part, although all is looked at. */
  readonly range: Range;
  readonly heads: Heads;
  readonly now: Micros;
  readonly noted: Noted;
  readonly options: VerifyBundleOptions;
}

/** Derives each link anew from the entries, and holds them against the published heads. */
async function walkEntries(
  files: TreeFiles,
  size: Seq,
  { range, heads: { published, judgesTimes }, now, noted, options }: Walk,
): Promise<ChainResult> {
  const { report } = noted;
  const heads = published?.heads ?? [];
  const links = new LeafChain(report);
  const tree = new HeadChecker(heads, published?.names ?? new Map(), emptyFrontier, report);
  const times =
    published === null || !judgesTimes
      ? null
      : new TimeChecker(heads, published.lastSigned, now, undefined, report, published.misdated);
  const to = range.to ?? size;
  let startsAfter: Uint8Array | null = range.from === 1n ? GENESIS_PREV_HASH : null;
  let last: ChainRow | null = null;
  let rows = 0;
  for await (const [seq, leaf] of eachLeaf(files, size)) {
    options.signal?.throwIfAborted();
    const row = links.push(seq, leaf);
    if (row === null) continue;
    if (seq === range.from - 1n) startsAfter = row.chainHash;
    if (seq >= range.from && seq <= to) [last, rows] = [row, rows + 1];
    tree.push(row);
    times?.push(row);
    if (links.rows % 65_536 === 0) options.onProgress?.(links.rows);
  }
  options.onProgress?.(links.rows);
  links.finish(size);
  tree.finish(false);
  return { to, rows, last, anchoredTo: tree.anchoredTo, startsAfter };
}

/**
 * The chain that leaves are of. A leaf has all of a link but what follows from the others: `event_hash` from its own
 * members, `prev_hash` from the link before. Behind a link that is missing, a chain hash cannot be derived.
 */
class LeafChain {
  readonly #report: ReportFinding;
  #before: { readonly seq: Seq; readonly chainHash: Uint8Array } = { seq: 0n, chainHash: GENESIS_PREV_HASH };
  rows = 0;

  constructor(report: ReportFinding) {
    this.#report = report;
  }

  /** @param leaf null where the entry is none of this seq; which file is damaged, the tree's check says */
  push(seq: Seq, leaf: Leaf | null): ChainRow | null {
    if (leaf === null) return null;
    this.rows++;
    const { seq: before, chainHash: prevHash } = this.#before;
    const hash = eventHash(leaf);
    this.finish(seq - 1n);
    if (before === seq - 1n) {
      const expected = chainHash(prevHash, hash, seq);
      if (!sameBytes(expected, leaf.chainHash))
        this.#report({
          check: "chain_hash",
          seq,
          eventKind: leaf.eventKind,
          eventPk: leaf.eventPk,
          expected: toHex(expected),
          actual: toHex(leaf.chainHash),
          message: "the chain hash is not that of the link before, the event's hash and the seq",
        });
    }
    this.#before = leaf;
    return { ...leaf, eventHash: hash, prevHash, appendedAt: parseTime(leaf.appendedAt), isBroken: false };
  }

  /** Reports what is missing up to a seq. */
  finish(to: Seq): void {
    const first = this.#before.seq + 1n;
    if (first > to) return;
    this.#report({
      check: "gap",
      seq: first,
      expected: String(first),
      message: to === first ? `the link ${first} is missing` : `the links ${first} to ${to} are missing`,
    });
  }
}
