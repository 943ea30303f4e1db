/**
 * Erasures: what somebody who may have rows erased says of one that was. An erasure is a statement (statement.ts), a signed
 * note with two lines of text, of which the second is canonical JSON:
 *
 *     audit-chain.statement/v1
 *     {"at":"2026-04-28T13:00:00Z","event":{"chain_hash":"<64 hex>","seq":1043},"key":"privacy.example.org+…",
 *      "kind":"orders","origin":"scidex.ai/audit-chain","pk":"42","reason":"request 2026-17","type":"erased"}
 *
 *     — privacy.example.org <base64>
 *
 * (The second line is one line.) `event` is the link of the kind `orders:erase` that records it, `origin` the log's name, the
 * first one's where logs have followed it. Exactly the key that it names signs it, and that says nothing yet: a reader
 * believes it where its own policy has the key for that table.
 *
 * In a head log it stands as a line with one member, like any statement. It has no signed time, and may stand anywhere.
 */
import { canonicalJson } from "../canonical.ts";
import { CoreError } from "../errors.ts";
import { sha256 } from "../hash.ts";
import { type NoteSigner, type NoteVerifier, parseVerifierKey } from "../note-key.ts";
import { openNote, parseNote, signNote } from "../note.ts";
import { isStatementLine, lineOfNote, noteOfLine } from "../statement.ts";
import {
  isObject,
  type LinkId,
  linkMember,
  malformed,
  parseStatementJson,
  readLink,
  statementText,
  text,
  wrapped,
} from "../statement-text.ts";
import { formatSeconds, parseSeconds } from "../time.ts";
import type { Seconds } from "../units.ts";
import { MAX_REASON_CHARS } from "./beginning-text.ts";

/** What an erasure says. */
export interface Erased {
  /** When it was signed, by whoever has signed it. */
  readonly at: Seconds;
  /** The event that records it. */
  readonly event: LinkId;
  /** The verifier key of whoever signs it. */
  readonly key: string;
  /** The table's. */
  readonly kind: string;
  readonly origin: string;
  /** The row's key, as its events have it. */
  readonly pk: string;
  readonly reason: string;
}

/** An erasure whose signature has been checked, by the key that it names itself. */
export interface Erasure extends Erased {
  readonly type: "erased";
  /** The signed note. */
  readonly note: string;
  /** SHA-256 of the note. 32 bytes. */
  readonly hash: Uint8Array;
}

/**
 * Signs an erasure.
 *
 * @returns the signed note
 * @throws {CoreError} `statement_malformed` for a member outside its bounds
 */
export function signErasure(signer: NoteSigner, erased: Omit<Erased, "key">): string {
  const note = signNote(formatErasure({ ...erased, key: signer.vkey }), [signer], { time: erased.at });
  // What nobody could read is not signed.
  parseErasure(note);
  return note;
}

/** The line of an erasure in a head log, without a newline. */
export const erasureLine = (note: string): string => lineOfNote(note);

/** Whether a line of a head log is that of an erasure, or of nothing: can be asked before anything is verified. */
export const isErasureLine = (line: string): boolean =>
  isStatementLine(line) && line.includes(String.raw`\"type\":\"erased\"}\n\n`);

/**
 * Reads the line of an erasure, which somebody hostile may have written.
 *
 * @throws {CoreError} as `parseErasure`
 */
export const parseErasureLine = (line: string): Erasure => parseErasure(noteOfLine(line));

/**
 * Reads an erasure, and checks it against the key that it names itself: whose key that is, something else must say.
 *
 * @throws {CoreError} `statement_malformed`, `note_malformed`, `key_malformed`, `signature_missing`, `signature_invalid`
 */
export function parseErasure(note: string): Erasure {
  const { text: signed, lines } = parseNote(note);
  const erased = wrapped(() => readMembers(parseStatementJson(signed)));
  if (formatErasure(erased) !== signed) throw malformed("its text is not in its canonical form");
  const verifier = keyOf(erased);
  openNote(note, [verifier]);
  // A signature that nobody looks at would give the note another hash.
  if (lines.length !== 1) throw malformed("it is not signed by the key that it names, and nobody else");
  return { ...erased, type: "erased", note, hash: sha256(note) };
}

function keyOf({ key }: Erased): NoteVerifier {
  const verifier = parseVerifierKey(key);
  if (verifier.type === 1) return verifier;
  throw new CoreError("key_malformed", "an erasure is signed by a key of type 1 (Ed25519)");
}

const formatErasure = ({ at, event, ...others }: Erased): string =>
  statementText(
    wrapped(() =>
      canonicalJson({
        at: formatSeconds(at),
        event: linkMember(event),
        key: others.key,
        kind: others.kind,
        origin: others.origin,
        pk: others.pk,
        reason: others.reason,
        type: "erased",
      }),
    ),
  );

function readMembers(value: ReturnType<typeof parseStatementJson>): Erased {
  if (!isObject(value) || value["type"] !== "erased") throw malformed("its type is none that is known here");
  const reason = text(value, "reason");
  if (reason.trim() === "" || reason.length > MAX_REASON_CHARS)
    throw malformed(`reason is empty, or longer than ${MAX_REASON_CHARS} characters`);
  return {
    at: parseSeconds(text(value, "at")),
    event: readLink(value["event"], "event"),
    key: text(value, "key"),
    kind: text(value, "kind"),
    origin: text(value, "origin"),
    pk: text(value, "pk"),
    reason,
  };
}
