import { type Frontier, FrontierBuilder, leafHash, leafText, sameBytes, toHex } from "@scidex/audit-core";
import type { ChainRow } from "./chain-row.ts";
import { hashedTime } from "./chain-row.ts";
import type { Finding, ReportFinding } from "../finding/finding.ts";
import { frontierOf, type PublishedHead } from "../head-log/published-head.ts";

/**
 * Holds the chain against the published heads: builds the Merkle tree of the rows as they pass and compares its root at
 * each head. After a head that does not fit, the tree goes on from what was signed there, so that each interval between
 * heads is judged on its own.
 *
 * A key that has been replaced may have leaked. A head of it that does not fit, where the same rows fit a later head that is
 * not of such a key, was signed beside the log: it says nothing of the chain.
 */
export class HeadChecker {
  readonly #heads: readonly PublishedHead[];
  readonly #names: ReadonlyMap<PublishedHead, string>;
  readonly #report: ReportFinding;
  readonly #retired: ReadonlySet<string>;
  /** The rows as they are, from before the first of `#doubtful` on, and those heads of replaced keys that do not fit. */
  #aside: FrontierBuilder | null = null;
  #doubtful: Finding[] = [];
  #next = 0;
  #tree: FrontierBuilder | null;
  #lastSeq: bigint;
  #lastHead: bigint;
  #anchoredTo: bigint;

  /**
   * @param heads in the order of their seq; several of one seq only where they have different roots
   * @param names of the sink that each head is from
   * @param start the tree before the first row that will be pushed; without its hashes where nobody signed it
   * @param from where the interval of the first head begins, if that is before the first row
   * @param retired keys of the log that have been replaced, as vkeys
   */
  constructor(
    heads: readonly PublishedHead[],
    names: ReadonlyMap<PublishedHead, string>,
    start: Frontier | { readonly size: bigint; readonly hashes: null },
    report: ReportFinding,
    from: bigint = start.size + 1n,
    retired: ReadonlySet<string> = new Set(),
  ) {
    this.#heads = heads;
    this.#names = names;
    this.#report = report;
    this.#retired = retired;
    this.#tree = start.hashes === null ? null : new FrontierBuilder(start);
    this.#lastSeq = start.size;
    this.#lastHead = from - 1n;
    this.#anchoredTo = start.hashes === null ? 0n : start.size;
  }

  /** The highest seq whose head fits. */
  get anchoredTo(): bigint {
    return this.#anchoredTo;
  }

  push(row: ChainRow): void {
    if (row.seq <= this.#lastSeq) return;
    this.#passMissing(row.seq);
    if (this.#next >= this.#heads.length) {
      this.#lastSeq = row.seq;
      return;
    }
    const leaf = leafOf(row);
    if (leaf === null || this.#tree === null || this.#tree.size !== row.seq - 1n) this.#tree = null;
    else this.#tree.append(leafHash(leaf));
    if (leaf === null || this.#aside === null || this.#aside.size !== row.seq - 1n) this.#aside = null;
    else this.#aside.append(leafHash(leaf));
    this.#lastSeq = row.seq;
    for (let head = this.#heads[this.#next]; head?.seq === row.seq; head = this.#heads[++this.#next])
      this.#hold(head, toHex(row.chainHash));
  }

  /** Holds the row that was pushed last against its head. */
  #hold(head: PublishedHead, chainHash: string): void {
    const isOfRetired = head.logKeys.length > 0 && head.logKeys.every((key) => this.#retired.has(key));
    const fits = (tree: FrontierBuilder | null): boolean => tree !== null && sameBytes(tree.root(), head.root);
    if (fits(this.#aside)) {
      this.#anchoredTo = head.seq;
      if (!isOfRetired) {
        this.#tree = this.#aside;
        this.#settle(true);
      }
    } else if (fits(this.#tree)) {
      this.#anchoredTo = head.seq;
      if (!isOfRetired) this.#settle(false);
    } else {
      if (isOfRetired && this.#doubtful.length === 0 && this.#tree !== null)
        this.#aside = new FrontierBuilder(this.#tree.frontier());
      if (!isOfRetired) this.#settle(false);
      this.#mismatch(head, chainHash, isOfRetired);
      this.#tree = new FrontierBuilder(frontierOf(head));
    }
    this.#lastHead = head.seq;
  }

  /** Says what heads of replaced keys were that did not fit. @param isFork whether the rows fit a later head as they are */
  #settle(isFork: boolean): void {
    for (const finding of this.#doubtful)
      this.#report(
        isFork
          ? {
              ...finding,
              check: "retired_key",
              message: `${finding.message.split(". ", 1)[0]}, but those of a later head are, which is signed with another key: this one was signed with a key that has been replaced, by whoever holds it`,
            }
          : finding,
      );
    this.#doubtful = [];
    this.#aside = null;
  }

  /**
   * @param more whether links follow after the last one that was pushed. Then the links of heads that were not reached
   *   are missing in the middle; else they have been cut off
   */
  finish(more: boolean): void {
    this.#settle(false);
    const head = this.#heads.at(-1);
    if (head === undefined || head.seq <= this.#lastSeq) return;
    if (more) {
      this.#passMissing(head.seq + 1n);
      return;
    }
    const missing = this.#lastSeq + 1n;
    this.#report({
      check: "truncated",
      seq: missing,
      expected: `${head.seq} links`,
      actual: `${this.#lastSeq} links`,
      message: `the links from ${missing} on are missing: ${this.#names.get(head) ?? "a sink"} holds a signed head of ${head.seq}. ${AFTER_A_RESTORE}`,
    });
  }

  /** Heads whose own link is missing. */
  #passMissing(seq: bigint): void {
    for (let head = this.#heads[this.#next]; head !== undefined && head.seq < seq; head = this.#heads[++this.#next]) {
      this.#mismatch(head, "no such link");
      this.#tree = new FrontierBuilder(frontierOf(head));
      this.#lastHead = head.seq;
      this.#lastSeq = head.seq;
    }
  }

  #mismatch(head: PublishedHead, actual: string, isDoubtful = false): void {
    const finding: Finding = {
      check: "head_mismatch",
      fromSeq: this.#lastHead < head.seq ? this.#lastHead + 1n : head.seq,
      toSeq: head.seq,
      expected: toHex(head.chainHash),
      actual,
      message: `the links up to ${head.seq} are not those that were published at ${head.publishedAt} (${this.#names.get(head) ?? "a sink"}). ${AFTER_A_RESTORE}`,
    };
    if (isDoubtful) this.#doubtful.push(finding);
    else this.#report(finding);
  }
}

/** What looks the same as a cut: nobody but the operator can tell it from one. */
export const AFTER_A_RESTORE =
  "If an older backup was put back here, restore a newer one; where there is none, docs/life.md has what to do: another log, which says what is lost (audit-publisher begin)";

function leafOf(row: ChainRow): string | null {
  const appendedAt = hashedTime(row);
  if (appendedAt === null) return null;
  try {
    return leafText({ ...row, appendedAt });
  } catch {
    return null;
  }
}
