import { type Seq, toHex } from "@scidex/audit-core";
import {
  AFTER_A_RESTORE,
  eachTuple,
  type Finding,
  type Lane,
  type Relation,
  type ReportFinding,
  surveyChain,
} from "@scidex/audit-reader";
import type { Approval } from "../coverage/policy.ts";
import type { Heads } from "./heads.ts";
import { CHAIN, type Noted } from "./noted.ts";
import type { WalkedLinks } from "./walk-links.ts";

/** What an approval is held against. */
export interface ApprovalGround {
  /** The chain's table. */
  readonly table: Relation;
  readonly links: WalkedLinks;
  readonly heads: Heads;
}

/**
 * Holds the policy's approval against the chain, as one more head that is known. What an approval says counts only where
 * the chain has just that link: an attacker could else rewrite what narrows into the time before it.
 *
 * @returns up to which seq narrowings are approved, 0 for none; null where that cannot be told, so that coverage cannot
 *   be judged: a standby that lags has less than was approved
 */
export async function checkApproval(
  lane: Lane,
  approved: Approval | undefined,
  ground: ApprovalGround,
  report: ReportFinding,
  noted: Noted,
): Promise<Seq | null> {
  if (approved === undefined || !noted.wants("heads", "coverage")) return 0n;
  if (isPublished(approved, ground)) return approved.seq;
  const found = await noted.orNull(
    CHAIN,
    ["heads", "coverage"],
    async () => await lane.attempt(async (attempt) => await readLink(attempt, ground.table, approved.seq)),
  );
  if (found === null) return null;
  const { hashes, length } = found;
  if (hashes.length > 0 && hashes.every((hash) => hash === approved.chainHash)) return approved.seq;
  const fits = lostWith(approved, ground);
  if (fits !== undefined) return fits;
  const isCut = length < approved.seq;
  if (isCut)
    noted.cannot(
      `the chain has ${length} links, fewer than the ${approved.seq} that the policy has approved`,
      "coverage",
    );
  if (isInRange(approved, ground)) report(isCut ? cut(approved, length) : mismatch(approved, hashes, ground));
  return isCut ? null : 0n;
}

/** Holds the approval against a chain that is not there. */
export function checkApprovalWithoutChain(approved: Approval | undefined, report: ReportFinding): void {
  if (approved !== undefined) report(cut(approved, 0n));
}

/** Where what was approved was lost with a log that has ended: up to which link it is still there. */
function lostWith({ seq }: Approval, { heads }: ApprovalGround): Seq | undefined {
  const fits = (heads.published?.earlier ?? [])
    .filter(({ beginning }) => beginning.ended.head.seq >= seq)
    .map(({ beginning }) => beginning.fits?.seq ?? 0n)
    .filter((to) => to < seq);
  return fits.reduce<Seq | undefined>((least, to) => (least === undefined || to < least ? to : least), undefined);
}

/** Whether it is a published head that fits: the fast way, of this shard or of the one that has it, vouches for nothing where one does not. */
function isPublished({ seq, chainHash }: Approval, { links, heads }: ApprovalGround): boolean {
  const head = heads.published?.heads.find((one) => one.seq === seq);
  return (links.vouched !== null || links.share !== null) && head !== undefined && toHex(head.chainHash) === chainHash;
}

/** Chain hashes of the links that have this seq, in hex: one, where nobody has tampered. */
async function readLink(lane: Lane, chain: Relation, seq: Seq): Promise<{ hashes: string[]; length: Seq }> {
  const hashes: string[] = [];
  await eachTuple(await lane.scan(chain, ["chain_hash"], "binary", { from: seq, to: seq }), 1, ([hash]) => {
    hashes.push(hash == null ? "NULL" : toHex(hash));
  });
  return { hashes, length: hashes.length > 0 ? seq : (await surveyChain(lane, chain)).length };
}

/** A part of the chain proves itself only. */
function isInRange({ seq }: Approval, { links }: ApprovalGround): boolean {
  const { from, to } = links.range;
  return seq >= from && (to === undefined || seq <= to);
}

/** Located as for a published head: the links since the one before it. */
function mismatch({ seq, chainHash }: Approval, hashes: readonly string[], { links, heads }: ApprovalGround): Finding {
  const { from } = links.range;
  const before = heads.published?.heads.findLast((head) => head.seq < seq && head.seq >= from)?.seq ?? from - 1n;
  return {
    check: "head_mismatch",
    fromSeq: before + 1n,
    toSeq: seq,
    expected: chainHash,
    actual: hashes.find((hash) => hash !== chainHash) ?? "no such link",
    message: `the links up to ${seq} are not those that the policy has approved`,
  };
}

/** @param length how many links there are */
function cut({ seq }: Approval, length: Seq): Finding {
  return {
    check: "truncated",
    seq: length + 1n,
    expected: `${seq} links`,
    actual: `${length} links`,
    message: `the links from ${length + 1n} on are missing: the policy has approved a chain of ${seq} links. ${AFTER_A_RESTORE}`,
  };
}
