import {
  type Frontier,
  FrontierBuilder,
  type Head,
  type Leaf,
  leafHash,
  leafText,
  type LinkRange,
  type Micros,
  type Seq,
} from "@scidex/audit-core";
import {
  CHAIN_START,
  type ChainRow,
  type Finding,
  hashedTime,
  HeadChecker,
  LinkChecker,
  type PublishedHead,
  type ReportFinding,
  TimeChecker,
  toPublished,
} from "@scidex/audit-reader";
import type { ChainEnd } from "@scidex/audit-verifier";

/** How findings name what was signed last: it need not have arrived in a sink. */
const OURS = "the publisher's state";

/**
 * Walks from the link that was signed last: it is judged like those that follow, and held against its head. Where it is
 * missing, the walk begins after the last link before it that is there, and finds the gap or the cut.
 */
export class IncrementWalk {
  /** The first thing that was found. */
  finding: Finding | undefined;
  /** The seq up to which all has been signed. */
  readonly signed: Seq;
  rows = 0n;
  /** Our clock just before the snapshot. */
  readonly now: Micros;
  /** Links whose times are known to be false. */
  readonly misdated: readonly LinkRange[];
  /** What was signed last; undefined where nothing was. */
  readonly published: PublishedHead | undefined;
  readonly #report: ReportFinding = (finding) => (this.finding ??= finding);
  #links: LinkChecker;
  readonly #heads: HeadChecker;
  readonly #times: TimeChecker;
  #tree: FrontierBuilder;
  /** The last new link, which is not in the tree yet: a head needs the frontier before its last leaf. */
  #end: Leaf | undefined;
  /** Where links end that somebody else has vouched for, if that is where the walk is. */
  #vouched: ChainEnd | undefined;

  /** @param below the highest seq up to that of `after` that is there */
  constructor(after: Head | undefined, below: Seq, now: Micros, misdated: readonly LinkRange[] = []) {
    const published = after && toPublished(after);
    const start = after === undefined || below < after.seq ? below : after.seq - 1n;
    const tree = after !== undefined && start === after.seq - 1n ? before(after) : { size: start, hashes: null };
    const heads = published === undefined ? [] : [published];
    this.signed = after?.seq ?? 0n;
    this.now = now;
    this.misdated = misdated;
    this.published = published;
    this.#links = new LinkChecker(after === undefined ? CHAIN_START : { seq: start, chainHash: null }, this.#report);
    // Which of the links before it were rewritten, the last one cannot tell.
    this.#heads = new HeadChecker(heads, new Map(heads.map((head) => [head, OURS])), tree, this.#report, 1n);
    this.#times = new TimeChecker([], new Map(), now, published, this.#report, misdated);
    this.#tree = new FrontierBuilder(after?.frontier);
  }

  /** The last seq that was pushed. */
  get seq(): Seq {
    return this.#links.seq;
  }

  /** The first seq to be read. */
  get from(): Seq {
    return this.#links.rows > 0 || this.#vouched !== undefined ? this.seq : this.seq + 1n;
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

  /** Where the links end that are new; undefined where there is none yet. */
  get end(): ChainEnd | undefined {
    if (this.#end === undefined) return this.#vouched;
    const tree = new FrontierBuilder(this.#tree.frontier());
    tree.append(leafHash(leafText(this.#end)));
    return { seq: this.seq, chainHash: this.#end.chainHash, frontier: tree.frontier() };
  }

  /** Goes on behind links that somebody else has vouched for. */
  goOn(end: ChainEnd): void {
    this.rows += end.seq - this.seq;
    this.#links = new LinkChecker(end, this.#report);
    this.#tree = new FrontierBuilder(end.frontier);
    this.#end = undefined;
    this.#vouched = end;
  }

  /** The last of the new links, with the tree before it. */
  get last(): { readonly leaf: Leaf; readonly before: Frontier } | undefined {
    return this.#end && { leaf: this.#end, before: this.#tree.frontier() };
  }

  /** Whether the link that was signed last is there as it was. */
  get isAnchored(): boolean {
    return this.#heads.anchoredTo >= this.signed;
  }
}

/** The tree before a head's last leaf: the proof of that leaf is its frontier, reversed. */
export const before = ({ seq, proof }: Head): Frontier => ({ size: seq - 1n, hashes: proof.toReversed() });
