/**
 * Nights: what a verifier says of each full verification, so that it can be shown later that it ran. A night is a signed
 * note (note.ts) with two lines of text, of which the second is canonical JSON:
 *
 *     audit-chain.night/v1
 *     {"accepted":2,"anchored_to":1000,"approved":{"chain_hash":"<64 hex>","seq":900},"database":"app","findings":0,
 *      "head":{"chain_hash":"<64 hex>","seq":1042},"number":17,"origin":"scidex.ai/audit-chain","policy":"<64 hex>",
 *      "previous":"<64 hex>","report":"<64 hex>","status":"intact","version":"0.1.0"}
 *
 *     — auditor.example/nights <base64>
 *     — auditor.example/nights/timestamp <base64>
 *
 * (The second line is one line.) The verifier's own keys sign it, a key file like a publisher's (key-file.ts); the second
 * signature has the time. `number` counts from 1, and `previous` is the SHA-256 of the note before, 64 zeros for the first:
 * so that none can be taken out. `report` and `policy` are the SHA-256 of the report's line of JSON (without its newline)
 * and of the policy file's bytes, `approved` is what the policy has approved.
 *
 * In a file of nights each is a line:
 *
 *     {"night":"audit-chain.night/v1\n{…}\n\n— auditor.example/nights <base64>\n— …\n"}
 */
import { canonicalJson } from "./canonical.ts";
import { CoreError } from "./errors.ts";
import { HASH_BYTES, hashFromHex, sha256, toHex } from "./hash.ts";
import { MAX_HEAD_CHARS } from "./head.ts";
import { checkSigned, type HeadTrust } from "./head-trust.ts";
import { type PublisherKeys, timestampName } from "./key-file.ts";
import { parseNote, signNote } from "./note.ts";
import { type JsonValue, parseJson } from "./parse-json.ts";
import { isObject, type LinkId, linkMember, readLink } from "./statement-text.ts";
import { formatSeconds } from "./time.ts";
import type { Seconds, Seq } from "./units.ts";

const HEADER = "audit-chain.night/v1";
const BEGINNING = '{"night":';

/** What a verification found, as a night says it. */
export interface Night {
  /** From 1, one more each time. */
  readonly number: number;
  /** SHA-256 of the note of the night before; zeros for the first. 32 bytes. */
  readonly previous: Uint8Array;
  readonly status: "intact" | "tampered" | "unproven";
  /** How many findings there were, and how many that the policy accepts. */
  readonly findings: number;
  readonly accepted: number;
  /** The chain's last link; null for an empty or unreadable one. */
  readonly head: LinkId | null;
  /** The highest seq whose published head fits; 0 for none. */
  readonly anchoredTo: Seq;
  /** The log's name; null where none was expected. */
  readonly origin: string | null;
  /** The name that was connected to. */
  readonly database: string;
  /** SHA-256 of the policy file; null without one. */
  readonly policy: Uint8Array | null;
  /** What the policy has approved; null for nothing. */
  readonly approved: LinkId | null;
  /** SHA-256 of the report's line of JSON. */
  readonly report: Uint8Array;
  /** The verifier's. */
  readonly version: string;
}

/** A night whose signatures have been checked. */
export interface SignedNight extends Night {
  /** The name of the keys that signed it. */
  readonly verifier: string;
  /** The time that was signed. */
  readonly signedTime: Seconds;
  /** SHA-256 of its note: `previous` of the next one. 32 bytes. */
  readonly hash: Uint8Array;
}

/** `previous` of the first night. */
export const NO_NIGHT: Uint8Array = new Uint8Array(HASH_BYTES);

/**
 * Signs a night.
 *
 * @param options.keys the verifier's own
 * @param options.time seconds since the Unix epoch
 * @returns its line, without a newline
 * @throws {CoreError} `night_malformed` for a member outside its bounds; `time_range`
 */
export function signNight(options: {
  readonly keys: PublisherKeys;
  readonly night: Night;
  readonly time: Seconds;
}): string {
  const { keys, night, time } = options;
  formatSeconds(time);
  const text = textOf(night);
  // What nobody could read is not signed.
  readText(text);
  return lineOf(signNote(text, [keys.log, keys.timestamp], { time }));
}

/**
 * Reads the line of a night (without its newline) and checks it against the signatures. The line comes from a place that
 * someone hostile may write to; it is parsed before any signature is verified.
 *
 * @param verifier the name of the keys that must have signed it
 * @throws {CoreError} `night_malformed`, `note_malformed`, `signature_missing`, `signature_invalid`, `time_range`
 */
export function parseNightLine(line: string, verifier: string, trust: HeadTrust): SignedNight {
  if (line.length > MAX_HEAD_CHARS) throw malformed(`longer than ${MAX_HEAD_CHARS} characters`);
  const value = asNight(() => parseJson(line));
  const { night: note } = isObject(value) ? value : {};
  if (typeof note !== "string" || lineOf(note) !== line) throw malformed("it is no line with a note in its one form");
  const { text, lines } = parseNote(note);
  const night = readText(text);
  const { signedTime } = checkSigned({ text, lines }, "a night", verifier, trust);
  const [log, timestamp, ...others] = lines;
  if (log?.name !== verifier || timestamp?.name !== timestampName(verifier) || others.length > 0)
    throw malformed("it is not signed by the verifier and its time-stamping key, in this order, and nobody else");
  formatSeconds(signedTime);
  return { ...night, verifier, signedTime, hash: sha256(note) };
}

const lineOf = (note: string): string => `${BEGINNING}${JSON.stringify(note)}}`;

function textOf(night: Night): string {
  const json = asNight(() =>
    canonicalJson({
      accepted: night.accepted,
      anchored_to: Number(night.anchoredTo),
      approved: night.approved && linkMember(night.approved),
      database: night.database,
      findings: night.findings,
      head: night.head && linkMember(night.head),
      number: night.number,
      origin: night.origin,
      policy: night.policy && toHex(night.policy),
      previous: toHex(night.previous),
      report: toHex(night.report),
      status: night.status,
      version: night.version,
    }),
  );
  return `${HEADER}\n${json}\n`;
}

/** The night of a note text, which must be exactly what `signNight` writes. */
function readText(text: string): Night {
  const [header, json = "", end, ...rest] = text.split("\n", 4);
  if (header !== HEADER || end !== "" || rest.length > 0)
    throw malformed(`its text is not ${HEADER} and a line of JSON`);
  const night = asNight(() => readMembers(parseJson(json)));
  if (textOf(night) !== text) throw malformed("its text is not in its canonical form");
  return night;
}

const STATUSES = ["intact", "tampered", "unproven"] as const;

function readMembers(value: JsonValue): Night {
  if (!isObject(value)) throw malformed("its text has no JSON object");
  const { status, head, approved, origin, policy } = value;
  const known = STATUSES.find((one) => one === status);
  if (known === undefined) throw malformed("its status is none");
  if (origin !== null && typeof origin !== "string") throw malformed("origin is neither a string nor null");
  return {
    number: integer(value, "number", 1),
    previous: hashFromHex(string(value, "previous")),
    status: known,
    findings: integer(value, "findings", 0),
    accepted: integer(value, "accepted", 0),
    head: head === null ? null : readLink(head, "head"),
    anchoredTo: BigInt(integer(value, "anchored_to", 0)),
    origin,
    database: string(value, "database"),
    policy: policy === null ? null : hashFromHex(string(value, "policy")),
    approved: approved === null ? null : readLink(approved, "approved"),
    report: hashFromHex(string(value, "report")),
    version: string(value, "version"),
  };
}

function integer(object: { readonly [name: string]: JsonValue }, name: string, least: number): number {
  const value = object[name];
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < least)
    throw malformed(`${name} is not an integer from ${least} to 2^53 - 1`);
  return value;
}

function string(object: { readonly [name: string]: JsonValue }, name: string): string {
  const value = object[name];
  if (typeof value !== "string") throw malformed(`${name} is not a string`);
  return value;
}

/** Whatever is wrong with a part is wrong with the night. */
function asNight<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof CoreError) || cause.code === "night_malformed") throw cause;
    throw new CoreError("night_malformed", `not a night: ${cause.message}`, { cause });
  }
}

const malformed = (problem: string): CoreError => new CoreError("night_malformed", `not a night: ${problem}`);
