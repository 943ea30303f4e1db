import {
  type Beginning,
  beginningTrust,
  CoreError,
  type HeadTrust,
  isBeginningLine,
  isSignedByEnded,
  type RetiredKey,
  toHex,
  type TrustPolicy,
} from "@scidex/audit-core";
import type { Finding } from "../../finding/finding.ts";
import { KeyTurns } from "./key-turns.ts";
import {
  beginningOf,
  headPartsOf,
  type HeadLog,
  type HeadLogLine,
  isBeginningOf,
  LOG_START,
  type LogEnd,
  afterLine,
  wholeLines,
} from "../log-lines.ts";

/** What a reader of logs trusts that follow each other in one head log. */
export interface LogTrust extends HeadTrust {
  /** SHA-256 of the beginnings that the reader's own policy has, in lower-case hex: they are followed, and no others. */
  readonly followed?: ReadonlySet<string> | undefined;
  /** Keys that have been replaced, by the same policy. */
  readonly retired?: readonly RetiredKey[] | undefined;
  /** Whose cosignatures count. */
  readonly witnesses?: TrustPolicy | undefined;
}

/** A beginning that a log holds and the reader's policy does not have. */
export interface Offered {
  readonly beginning: Beginning;
  /** Whether the log that it ends has signed it too. */
  readonly isSignedByEnded: boolean;
}

/**
 * Follows a head log from one log to the next. A beginning is followed where the policy has its hash, the log before it is
 * the one that was read until then, and the lines before it are those that it names. Any other is as if it were not there:
 * what it says is shown as an offer, and what follows it under its name is passed over.
 */
export class Succession {
  /** What is trusted where the reading has come to. */
  trust: HeadTrust;
  /** The keys of that log, each in its time. */
  keys: KeyTurns;
  readonly offered: Offered[] = [];
  readonly #given: LogTrust;
  readonly #followed: ReadonlySet<string>;

  constructor(given: LogTrust) {
    const { origin, verifiers, followed = new Set(), retired } = given;
    this.trust = { origin, verifiers };
    this.keys = new KeyTurns(retired);
    this.#given = given;
    this.#followed = followed;
  }

  /** Whether a line is of a log whose beginning is not followed: nothing of it is believed, and nothing is said again. */
  isPassedOver(line: string): boolean {
    if (this.offered.length === 0) return false;
    if (isBeginningLine(line)) {
      const next = beginningOf(line);
      return (
        !(next instanceof CoreError) && this.offered.some(({ beginning }) => beginning.origin === next.ended.origin)
      );
    }
    const parts = headPartsOf(line);
    if (parts instanceof CoreError) return false;
    return this.offered.some(({ beginning: { origin } }) => parts.checkpoint.startsWith(`${origin}\n`));
  }

  /**
   * Follows a beginning, or says why not.
   *
   * @param before where the log stands before its line
   * @param where the line, for messages
   */
  follow(beginning: Beginning, before: LogEnd, where: string): Finding | undefined {
    const { ended, hash, origin, reason } = beginning;
    const check = "sink_signature";
    const name = JSON.stringify(origin);
    if (!this.#followed.has(toHex(hash))) {
      const isSigned = isSignedByEnded(beginning, this.keys.trustOf(this.trust));
      if (this.offered.every((one) => toHex(one.beginning.hash) !== toHex(hash)))
        this.offered.push({ beginning, isSignedByEnded: isSigned });
      return {
        check,
        actual: toHex(hash),
        message: `${where} begins another log, ${name} (${JSON.stringify(reason)}), ${isSigned ? "" : "without the signature of the log that it ends, "}and the policy does not have it: it is not followed. If it was meant (audit-publisher begin), see it with audit-chain policy --diff, and approve it with --approve`,
      };
    }
    if (!isOf(this.trust, ended.origin))
      return { check, message: `${where} ends the log ${JSON.stringify(ended.origin)}, and stands in another one` };
    if (ended.lines !== before.lines || ended.digest !== before.digest)
      return {
        check,
        expected: `${ended.lines} lines with the digest ${ended.digest}`,
        actual: `${before.lines} lines with the digest ${before.digest}`,
        message: `the lines before ${where} are not those of the log that it has ended: something was changed there, or it was put there from elsewhere`,
      };
    this.trust = this.#trustOf(beginning);
    this.keys = new KeyTurns(this.#given.retired);
    return undefined;
  }

  /** The keys that the beginning names, and those of its log that are given: they may have taken the place of those. */
  #trustOf(beginning: Beginning): HeadTrust {
    const { origin, verifiers } = beginningTrust(beginning);
    const names = verifiers.map(({ name }) => name);
    const own = this.#given.verifiers.filter(
      ({ name, vkey }) => names.includes(name) && !verifiers.some((key) => key.vkey === vkey),
    );
    return { origin, verifiers: [...verifiers, ...own] };
  }
}

const isOf = ({ origin, verifiers }: HeadTrust, name: string): boolean =>
  origin === undefined ? verifiers.some((key) => key.type === 1 && key.name === name) : origin === name;

/** Where the log begins that is read, in a head log with others before it. */
export interface OwnBeginning {
  readonly beginning: Beginning;
  /** The line's number. */
  readonly line: number;
}

/**
 * The beginning of the trusted log in a head log that holds earlier ones, too. Undefined where it is the first one.
 *
 * The lines before it must be those that it names; where they are not, it is no such beginning.
 */
export async function ownBeginning<Line extends HeadLogLine>(
  log: { read(): AsyncIterable<Line> } | HeadLog,
  trust: HeadTrust,
): Promise<OwnBeginning | undefined> {
  let end: LogEnd = LOG_START;
  for await (const { plain, number } of wholeLines(log)) {
    const beginning = isBeginningLine(plain) ? beginningOf(plain) : undefined;
    if (beginning !== undefined && !(beginning instanceof CoreError) && isBeginningOf(beginning, trust)) {
      const { lines, digest } = beginning.ended;
      if (lines === end.lines && digest === end.digest) return { beginning, line: number };
    }
    end = afterLine(end, plain);
  }
  return undefined;
}
