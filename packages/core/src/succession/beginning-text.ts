/** The text of a statement that a log begins where another ends: what is signed. beginning.ts has the format. */
import { canonicalJson } from "../canonical.ts";
import { hashFromHex, toHex } from "../hash.ts";
import type { JsonValue } from "../parse-json.ts";
import {
  count,
  isObject,
  type LinkId,
  linkMember,
  malformed,
  parseStatementJson,
  readDatabase,
  readLink,
  statementText,
  text,
  wrapped,
} from "../statement-text.ts";
import type { Seq } from "../units.ts";
import type { Vkeys } from "../key-file.ts";
import { successorOf } from "./successor.ts";

/** The longest reason, in UTF-16 code units. */
export const MAX_REASON_CHARS = 2000;

/** The most intervals of links with a false time. */
export const MAX_MISDATED = 1000;

/** Links from one seq to another, both included. */
export interface LinkRange {
  readonly from: Seq;
  readonly to: Seq;
}

/** The log that has ended. */
export interface EndedLog {
  readonly origin: string;
  /** Its last head. */
  readonly head: LinkId;
  /** How many lines its head log has, those of the logs before it included, and their running digest in hex. */
  readonly lines: number;
  readonly digest: string;
}

/** A log has ended, and another one goes on in its place. */
export interface Begun {
  readonly type: "begun";
  /** The log that begins: `successorOf` the one that has ended. */
  readonly origin: string;
  readonly systemIdentifier: string | null;
  /** The name that was connected to. */
  readonly database: string;
  /** Why. */
  readonly reason: string;
  /** The new log's verifier keys: its own, that of its time-stamping, and its ML-DSA-44 key where it has one. */
  readonly keys: Vkeys;
  readonly ended: EndedLog;
  /** The last head of the ended logs that the chain still fits; null where it fits none. What they had after it is lost. */
  readonly fits: LinkId | null;
  /** Links of the chain whose times are known to be false, in their order. */
  readonly misdated: readonly LinkRange[];
}

/**
 * The note text of a beginning. Nothing is checked that `parseBeginningText` will check.
 *
 * @throws {CoreError} `statement_malformed`
 */
export function formatBeginningText(begun: Begun): string {
  const { ended } = begun;
  const json = wrapped(() =>
    canonicalJson({
      database: begun.database,
      ended: { digest: ended.digest, head: linkMember(ended.head), lines: ended.lines, origin: ended.origin },
      fits: begun.fits && linkMember(begun.fits),
      keys: [...begun.keys],
      misdated: begun.misdated.map(({ from, to }) => ({ from_seq: Number(from), to_seq: Number(to) })),
      origin: begun.origin,
      reason: begun.reason,
      system_identifier: begun.systemIdentifier,
      type: begun.type,
    }),
  );
  return statementText(json);
}

/**
 * The beginning of a note text, which must be exactly what `formatBeginningText` writes.
 *
 * @throws {CoreError} `statement_malformed`
 */
export function parseBeginningText(of: string): Begun {
  const begun = wrapped(() => readMembers(parseStatementJson(of)));
  if (formatBeginningText(begun) !== of) throw malformed("its text is not in its canonical form");
  if (begun.origin !== successorOf(begun.ended.origin)) throw malformed("its origin does not follow the ended log's");
  if (begun.fits !== null && begun.fits.seq > begun.ended.head.seq) throw malformed("it fits beyond the last head");
  return begun;
}

function readMembers(value: JsonValue): Begun {
  if (!isObject(value)) throw malformed("its text has no JSON object");
  const { type, ended, fits, keys, misdated } = value;
  if (type !== "begun") throw malformed("its type is none that is known here");
  if (!isObject(ended)) throw malformed("ended is no object");
  const [log, timestamp, postQuantum = null, ...others] = Array.isArray(keys) ? keys : [];
  const isThird = postQuantum === null || typeof postQuantum === "string";
  if (typeof log !== "string" || typeof timestamp !== "string" || !isThird || others.length > 0)
    throw malformed("keys is not a list of two verifier keys, or three");
  const reason = text(value, "reason");
  if (reason.trim() === "" || reason.length > MAX_REASON_CHARS)
    throw malformed(`reason is empty, or longer than ${MAX_REASON_CHARS} characters`);
  return {
    type,
    origin: text(value, "origin"),
    ...readDatabase(value),
    reason,
    keys: postQuantum === null ? [log, timestamp] : [log, timestamp, postQuantum],
    ended: {
      origin: text(ended, "origin"),
      head: readLink(ended["head"], "the last head"),
      lines: count(ended, "lines"),
      digest: toHex(hashFromHex(text(ended, "digest"))),
    },
    fits: fits === null ? null : readLink(fits, "fits"),
    misdated: readRanges(misdated),
  };
}

/** In their order, and apart from each other. */
function readRanges(value: JsonValue | undefined): LinkRange[] {
  if (!Array.isArray(value) || value.length > MAX_MISDATED)
    throw malformed(`misdated is no list of at most ${MAX_MISDATED} intervals`);
  let last = 0;
  return value.map((range) => {
    if (!isObject(range)) throw malformed("an interval of misdated is no object");
    const [from, to] = [count(range, "from_seq"), count(range, "to_seq")];
    if (from <= last || to < from) throw malformed("the intervals of misdated are not in their order");
    last = to;
    return { from: BigInt(from), to: BigInt(to) };
  });
}
