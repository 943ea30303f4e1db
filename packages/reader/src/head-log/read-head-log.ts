import {
  type Beginning,
  CoreError,
  type CoreErrorCode,
  type Erasure,
  hasOtherKeys,
  type Head,
  type HeadTrust,
  isBeginningLine,
  isErasureLine,
  isStatementLine,
  parseNote,
  type Statement,
} from "@scidex/audit-core";
import type { Finding, ReportFinding } from "../finding/finding.ts";
import { checkCosignatures, type NewestHead } from "./cosignatures.ts";
import {
  afterLine,
  beginningOf,
  erasureOf,
  type HeadLog,
  type HeadLogLine,
  isBeginning,
  isStatement,
  LOG_START,
  type LogEnd,
  publicationOf,
  type WholeLine,
  wholeLines,
} from "./log-lines.ts";
import { misplacement } from "./misplacement.ts";
import { type PublishedHead, toPublished } from "./published-head.ts";
import type { LogPart } from "./succession/log-part.ts";
import { type LogTrust, type Offered, type OwnBeginning, ownBeginning, Succession } from "./succession/succession.ts";

/** What was read from a head log: what is signed, in the order in which it stands there. */
export interface ReadLog {
  readonly name: string;
  /** The heads and the statements between them, of all logs that were followed. */
  readonly publications: readonly (PublishedHead | Statement | Beginning)[];
  /** The logs that follow each other here; never none. */
  readonly parts: readonly LogPart[];
  /** Beginnings that were not followed. */
  readonly offered: readonly Offered[];
  /** The last of the heads; undefined where there is none. */
  readonly newest: NewestHead | undefined;
  /** Number of whole lines, and their running digest (`nextLogDigest`). */
  readonly lines: number;
  readonly digest: string;
  /** The same after the first `known.lines` lines, where the caller knew of some. */
  readonly digestAtKnown: string | undefined;
  /** What is there of a last line whose end is missing. */
  readonly torn: string | undefined;
  /** Number of lines with a carriage return at their end, or a byte order mark before the first. */
  readonly converted: number;
  readonly warnings: readonly string[];
}

/**
 * Reads a head log and checks every line against the trusted keys. What is wrong with a line is a finding; a log that
 * cannot be read to its end is an error of the sink, which is thrown.
 *
 * Lines are only appended, and each is signed with its time: a line that is older than the one before it was put there
 * by someone else.
 *
 * Where the trusted log has others before it, their lines are passed over; where the policy has the beginning of one that
 * follows it, it is followed.
 *
 * A log whose line ends were converted (git's `core.autocrlf`, an editor) still says what it said. Its lines are read
 * without what was added, and the result has the number of such lines.
 */
export async function readHeadLog(
  log: HeadLog,
  trust: LogTrust,
  knownLines: number,
  report: ReportFinding,
): Promise<ReadLog> {
  const own = trust.origin === undefined ? undefined : await ownBeginning(log, trust);
  const reading = new Reading(trust, own);
  let end = LOG_START;
  let digestAtKnown = knownLines === 0 ? end.digest : undefined;
  let torn: string | undefined;
  let converted = 0;
  for await (const line of wholeLines(log, (text) => (torn = text))) {
    const before = end;
    if (line.plain !== line.text) converted++;
    end = afterLine(end, line.plain);
    if (end.lines === knownLines) digestAtKnown = end.digest;
    if (own === undefined || line.number > own.line)
      for (const finding of reading.take(line, before, `line ${line.number} of ${log.name}`)) report(finding);
  }
  const { lines, digest } = end;
  const warnings =
    torn === undefined
      ? []
      : [`line ${lines + 1} of ${log.name} is torn: its end is missing. The next publication repairs it.`];
  const { publications, offered, newest } = reading;
  const parts = reading.finish();
  return {
    name: log.name,
    publications,
    parts,
    offered,
    newest,
    lines,
    digest,
    digestAtKnown,
    torn,
    converted,
    warnings,
  };
}

/** A log part while it is read. */
interface OpenPart extends Omit<LogPart, "trust"> {
  readonly heads: PublishedHead[];
  readonly statements: Statement[];
  readonly erasures: Erasure[];
  trust: HeadTrust;
}

/** What has been read of a head log, line by line. */
class Reading {
  readonly publications: (PublishedHead | Statement | Beginning)[] = [];
  newest: NewestHead | undefined;
  readonly #trust: LogTrust;
  readonly #parts: OpenPart[] = [];
  readonly #succession: Succession;
  #part: OpenPart;
  /** Whether the last head has signatures in the log's name by keys that are not trusted. */
  #hasOtherKeys = false;

  constructor(trust: LogTrust, own: OwnBeginning | undefined) {
    this.#trust = trust;
    this.#succession = new Succession(trust);
    this.#part = this.#begin(own?.beginning);
  }

  get offered(): readonly Offered[] {
    return this.#succession.offered;
  }

  /** The logs that were read. */
  finish(): readonly LogPart[] {
    this.#closePart();
    return this.#parts;
  }

  /** Takes a line, and returns what is wrong with it. @param before where the log stands before it */
  take({ plain, defect }: WholeLine<HeadLogLine>, before: LogEnd, where: string): Finding[] {
    const check = "sink_signature";
    if (defect !== null)
      return [
        {
          check,
          message: `${where} is neither a head nor a statement: it is ${defect === "too_long" ? "too long" : "not UTF-8"}`,
        },
      ];
    if (this.#succession.isPassedOver(plain)) return [];
    if (isErasureLine(plain)) return this.#takeErasure(plain, where);
    const read = isBeginningLine(plain) ? beginningOf(plain) : publicationOf(plain, this.#succession.trust);
    if (read instanceof CoreError)
      return [
        {
          check,
          message: `${where} is not ${kindOf(plain)} that the publisher signed (${read.code}): ${read.message}${this.#hasOtherKeys && read.code === "signature_missing" ? KEY_REPLACED : (ADVICE[read.code] ?? "")}`,
        },
      ];
    const publication = "note" in read ? read : toPublished(read);
    const { heads, statements } = this.#part;
    const wrong =
      (isBeginning(read) ? this.#follow(read, before, where) : this.#succession.keys.take(read, where)) ??
      misplacement(publication, this.publications.at(-1), heads.at(-1), where);
    if (wrong !== undefined) return [wrong];
    if (isBeginning(publication)) {
      this.#part = this.#begin(publication);
      return [];
    }
    this.publications.push(publication);
    if (isStatement(publication)) statements.push(publication);
    else heads.push(publication);
    return "note" in read || isStatement(publication) ? [] : this.#cosigned(read, publication, where);
  }

  #cosigned(head: Head, published: PublishedHead, where: string): Finding[] {
    this.#hasOtherKeys = hasOtherKeys(parseNote(head.checkpoint), head.origin, this.#succession.trust);
    const own = [...this.#trust.verifiers, ...this.#succession.trust.verifiers];
    this.newest = { head: published, notes: [head.checkpoint], own };
    return checkCosignatures(head, this.#trust.witnesses, own, where);
  }

  /** Nobody has to be believed yet: the policy says whose it must be. */
  #takeErasure(line: string, where: string): Finding[] {
    const read = erasureOf(line);
    if (read instanceof CoreError)
      return [{ check: "sink_signature", message: `${where} is not the statement of an erasure: ${read.message}` }];
    this.#part.erasures.push(read);
    return [];
  }

  #follow(beginning: Beginning, before: LogEnd, where: string): Finding | undefined {
    this.#closePart();
    return this.#succession.follow(beginning, before, where);
  }

  #closePart(): void {
    const { keys, trust } = this.#succession;
    this.#part.trust = keys.trustOf(trust);
  }

  #begin(beginning: Beginning | undefined): OpenPart {
    const { trust, keys } = this.#succession;
    const part = { origin: trust.origin, beginning, heads: [], statements: [], erasures: [], trust, turns: keys.turns };
    this.#parts.push(part);
    if (beginning !== undefined) this.publications.push(beginning);
    return part;
  }
}

const kindOf = (line: string): string => (isStatementLine(line) ? "a statement" : "a head");

const KEY_REPLACED =
  ". The head before it is signed with other keys of this log, too: if they were to be replaced (audit-publisher rotate-key), add the new ones to AUDIT_VERIFIER_KEYS, from whoever publishes";

/** What looks the same where the verifier was given the keys, or the log, of somebody else. */
const ADVICE: Readonly<Partial<Record<CoreErrorCode, string>>> = {
  origin_mismatch: ". Check that AUDIT_VERIFIER_KEYS, AUDIT_ORIGIN and AUDIT_SINKS are those of one log",
  signature_missing: ". Check that AUDIT_VERIFIER_KEYS has the keys of this log",
};
