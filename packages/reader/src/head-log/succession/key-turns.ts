import {
  formatSeconds,
  type HeadTrust,
  isBeyond,
  type RetiredKey,
  type Seconds,
  type Seq,
  type SignedBy,
} from "@scidex/audit-core";
import type { Finding } from "../../finding/finding.ts";

/** New keys have taken the place of others, within one log: a head that is signed by both. */
export interface KeyTurn {
  readonly seq: Seq;
  readonly signedTime: Seconds;
  /** The keys that sign nothing newer. */
  readonly retired: SignedBy;
  /** The keys that sign from then on. */
  readonly next: SignedBy;
}

/** What is asked of a line that is signed: a head, or a statement. */
interface SignedLine {
  readonly signedBy: SignedBy;
  readonly signedTime: Seconds;
  /** Of a head. */
  readonly seq?: Seq;
}

/**
 * Follows the keys of one log from line to line. All keys that are given are trusted, and each only in its time: new ones
 * from a head on that the old ones have signed too, the old ones up to that head. Whoever has an old key can sign with it as
 * before: what he signs is behind that head, or beyond what the policy has as its last one.
 */
export class KeyTurns {
  /** Oldest first. */
  readonly turns: KeyTurn[] = [];
  readonly #retired: readonly RetiredKey[];
  readonly #past = new Set<string>();
  #current: SignedBy | undefined;

  /** @param retired of the reader's own policy */
  constructor(retired: readonly RetiredKey[] = []) {
    this.#retired = retired;
  }

  /** What of a trust is left after the lines that were taken. */
  trustOf(trust: HeadTrust): HeadTrust {
    return { ...trust, verifiers: trust.verifiers.filter(({ vkey }) => !this.#past.has(vkey)) };
  }

  /** Takes a line, and returns what is wrong with whom it is signed by. @param where the line, for messages */
  take(one: SignedLine, where: string): Finding | undefined {
    const { seq, signedTime } = one;
    const place = `${seq === undefined ? "" : ` of ${seq} links`} at ${formatSeconds(signedTime)}`;
    const left = only(one.signedBy, (key) => !this.#past.has(key) && !this.#isBeyond(key, one));
    const isStronglyPast = one.signedBy.strongKeys.length > 0 && left.strongKeys.length === 0;
    if (!isWhole(left) || isStronglyPast)
      return {
        check: "retired_key",
        actual: one.signedBy.logKeys.map(shortKey).join(", ") + place,
        message: `${where} is signed with a key that had been replaced by then (${this.#sayLast(one.signedBy)}): it was put there again, or whoever has signed it holds the old key`,
      };
    if (this.#current === undefined) {
      this.#current = left;
      return undefined;
    }
    const { strongKeys } = this.#current;
    // Where a statement came first, this head says which ML-DSA-44 key there is: no statement is signed by it.
    const current = strongKeys.length > 0 ? this.#current : { ...this.#current, strongKeys: left.strongKeys };
    this.#current = current;
    const known = keysOf(current);
    const next = only(left, (key) => !known.includes(key));
    if (keysOf(next).length === 0) return undefined;
    const before = only(left, (key) => known.includes(key));
    // Where there is an ML-DSA-44 key, Ed25519 keys alone replace nothing.
    const isAsStrong = current.strongKeys.length === 0 || (next.strongKeys.length > 0 && before.strongKeys.length > 0);
    if (seq === undefined || !isWhole(next) || !isWhole(before) || !isAsStrong)
      return {
        check: "sink_signature",
        actual: next.logKeys.map(shortKey).join(", ") + place,
        message: `${where} is signed with another key than the lines before it, and no head before it is signed with both: a key is replaced by audit-publisher rotate-key`,
      };
    for (const key of known) this.#past.add(key);
    this.turns.push({ seq, signedTime: one.signedTime, retired: current, next });
    this.#current = next;
    return undefined;
  }

  #isBeyond(key: string, { seq = 0n, signedTime }: SignedLine): boolean {
    return this.#retired.some((one) => one.key === key && isBeyond(one, seq, signedTime));
  }

  #sayLast(signedBy: SignedBy): string {
    const keys = keysOf(signedBy);
    const turn = this.turns.find(({ retired }) => keysOf(retired).some((key) => keys.includes(key)));
    const pinned = this.#retired.find(({ key }) => keys.includes(key));
    const [last, time] = turn ? [turn.seq, turn.signedTime] : [pinned?.last ?? 0n, pinned?.at ?? 0n];
    return `its last head has ${last} links, and was signed at ${formatSeconds(time)}`;
  }
}

/** A verifier key without what is of no use to a reader: `name+id`. */
export const shortKey = (vkey: string): string => vkey.split("+", 2).join("+");

/** All lists as one, in the order of a key file. */
export const keysOf = ({ logKeys, timeKeys, strongKeys }: SignedBy): string[] => [
  ...logKeys,
  ...timeKeys,
  ...strongKeys,
];

const only = ({ logKeys, timeKeys, strongKeys }: SignedBy, wanted: (key: string) => boolean): SignedBy => ({
  logKeys: logKeys.filter(wanted),
  timeKeys: timeKeys.filter(wanted),
  strongKeys: strongKeys.filter(wanted),
});

const isWhole = ({ logKeys, timeKeys }: SignedBy): boolean => logKeys.length > 0 && timeKeys.length > 0;
