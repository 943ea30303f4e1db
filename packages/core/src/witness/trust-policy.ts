/**
 * Trust policies (c2sp.org/tlog-policy): which logs' checkpoints are believed, and which witnesses must have cosigned them.
 *
 *     # comments, and lines with nothing but spaces and tabs
 *     log <vkey> [<url>]
 *     witness X1 <vkey> [<url>]
 *     witness X2 <vkey> [<url>]
 *     group X any X1 X2
 *     quorum X
 *
 * Each line ends with a newline; what stands on it is separated by spaces and tabs. `log` keys are of type 1 or 6, `witness`
 * keys of type 4 or 6 (signature-type.ts). A group has cosigned where at least `all`, `any` (one) or a number of its members
 * have, each of which is a witness or a group of a line before. `quorum none` asks for no witness at all.
 *
 * The file is bytes, of which 0x09, 0x0A, 0x20-0x7E and 0x80-0xFF may stand in it, and names are compared as bytes.
 * Refused are two keys of logs, or of witnesses, that are one public key; names that are defined twice, or used before;
 * members that are listed twice, in whatever groups; numbers with leading zeros; and everything beyond the bounds below.
 */
import { CoreError, quoted } from "../errors.ts";
import { toHex } from "../hash.ts";
import { type NoteVerifier, parseVerifierKey } from "../note-key.ts";
import type { SignatureType } from "../signature-type.ts";

/** The longest policy, in bytes. */
export const MAX_TRUST_POLICY_BYTES = 1_000_000;

/** The most logs, and the most witnesses, and the most groups. */
export const MAX_POLICY_ENTRIES = 100;

/** A witness that a policy knows. */
export interface PolicyWitness {
  /** Its name in the policy, and nowhere else. */
  readonly name: string;
  readonly verifier: NoteVerifier;
  /** Where checkpoints are submitted to it (the prefix of c2sp.org/tlog-witness); undefined where that is not said. */
  readonly url: string | undefined;
}

/** Some of whom have to have cosigned. */
export interface PolicyGroup {
  readonly name: string;
  /** How many of the members: 1 to their number. */
  readonly threshold: number;
  readonly members: readonly (PolicyWitness | PolicyGroup)[];
}

/** What a policy says. */
export interface TrustPolicy {
  /** Keys of logs. Where there is none, the caller knows the log from elsewhere. */
  readonly logs: readonly NoteVerifier[];
  readonly witnesses: readonly PolicyWitness[];
  /** Undefined for `none`. */
  readonly quorum: PolicyWitness | PolicyGroup | undefined;
}

/**
 * Reads a trust policy.
 *
 * @throws {CoreError} `trust_policy_malformed`, with the line's number
 */
export function parseTrustPolicy(bytes: Uint8Array): TrustPolicy {
  if (bytes.byteLength > MAX_TRUST_POLICY_BYTES) throw malformed(`longer than ${MAX_TRUST_POLICY_BYTES} bytes`);
  // One character for each byte.
  const text = Buffer.from(bytes).toString("latin1");
  if (!text.endsWith("\n")) throw malformed("its last line does not end with a newline");
  const reading = new Reading();
  for (const [at, line] of text.slice(0, -1).split("\n").entries()) {
    try {
      reading.take(line);
    } catch (cause) {
      if (!(cause instanceof CoreError)) throw cause;
      throw new CoreError(
        cause.code === "key_unsupported" ? cause.code : "trust_policy_malformed",
        `line ${at + 1}: ${cause.message}`,
        { cause },
      );
    }
  }
  return reading.policy();
}

class Reading {
  readonly #logs: NoteVerifier[] = [];
  readonly #witnesses: PolicyWitness[] = [];
  readonly #groups: PolicyGroup[] = [];
  /** What has a name, by its bytes. */
  readonly #named = new Map<string, PolicyWitness | PolicyGroup>();
  /** Names of members, which belong to one group each: so a witness counts in one way only. */
  readonly #members = new Set<string>();
  #quorum: { readonly of: PolicyWitness | PolicyGroup | undefined } | undefined;

  take(line: string): void {
    if (/[^\t -~\u0080-\u00ff]/u.test(line)) throw malformed("it has a control character");
    const [keyword = "", ...words] = line.split(/[\t ]+/u).filter((word) => word !== "");
    if (keyword === "" || keyword.startsWith("#")) return;
    if (keyword === "log") this.#log(words);
    else if (keyword === "witness") this.#witness(words);
    else if (keyword === "group") this.#group(words);
    else if (keyword === "quorum") this.#setQuorum(words);
    else throw malformed(`${shown(keyword)} is none of log, witness, group, quorum`);
  }

  policy(): TrustPolicy {
    if (this.#quorum === undefined) throw malformed("it has no quorum line");
    return { logs: this.#logs, witnesses: this.#witnesses, quorum: this.#quorum.of };
  }

  #log([vkey, ...rest]: readonly string[]): void {
    if (vkey === undefined || rest.length > 1) throw malformed("expected log <vkey> [<url>]");
    this.#logs.push(keyOf(vkey, [1, 6], this.#logs));
  }

  #witness([name, vkey, url, ...rest]: readonly string[]): void {
    if (name === undefined || vkey === undefined || rest.length > 0)
      throw malformed("expected witness <name> <vkey> [<url>]");
    const known = this.#witnesses.map(({ verifier }) => verifier);
    const witness = { name: utf8(name), verifier: keyOf(vkey, [4, 6], known), url: url && utf8(url) };
    this.#define(name, witness);
    this.#witnesses.push(witness);
  }

  #group([name, count, ...members]: readonly string[]): void {
    if (name === undefined || count === undefined || members.length === 0)
      throw malformed("expected group <name> all|any|<k> <name>...");
    for (const member of members) {
      if (this.#members.has(member)) throw malformed(`${shown(member)} is a member already, of this group or another`);
      this.#members.add(member);
    }
    const group = {
      name: utf8(name),
      threshold: thresholdOf(count, members.length),
      members: members.map((member) => this.#known(member)),
    };
    this.#define(name, group);
    this.#groups.push(group);
    if (this.#groups.length > MAX_POLICY_ENTRIES) throw malformed(`more than ${MAX_POLICY_ENTRIES} groups`);
  }

  #setQuorum([name, ...rest]: readonly string[]): void {
    if (name === undefined || rest.length > 0) throw malformed("expected quorum <name>, or quorum none");
    if (this.#quorum !== undefined) throw malformed("there is a quorum line already");
    this.#quorum = { of: name === "none" ? undefined : this.#known(name) };
  }

  #define(name: string, what: PolicyWitness | PolicyGroup): void {
    if (name === "none") throw malformed('nothing can be called "none"');
    if (this.#named.has(name)) throw malformed(`${shown(name)} is defined already`);
    this.#named.set(name, what);
  }

  #known(name: string): PolicyWitness | PolicyGroup {
    const known = this.#named.get(name);
    if (known === undefined) throw malformed(`${shown(name)} is not defined on a line before`);
    return known;
  }
}

/** @param types that it may have. @param others that it must not be the same as */
function keyOf(word: string, types: readonly SignatureType[], others: readonly NoteVerifier[]): NoteVerifier {
  if (others.length === MAX_POLICY_ENTRIES)
    throw malformed(`more than ${MAX_POLICY_ENTRIES} keys of logs, or of witnesses`);
  const key = parseVerifierKey(utf8(word));
  if (!types.includes(key.type))
    throw malformed(`the key of ${quoted(key.name)} is of type ${key.type}, expected ${types.join(" or ")}`);
  if (others.some((other) => samePublicKey(other, key)))
    throw malformed(`the key of ${quoted(key.name)} is there already, by this name or another`);
  return key;
}

function thresholdOf(count: string, members: number): number {
  if (count === "all") return members;
  if (count === "any") return 1;
  const number = /^[1-9]\d{0,3}$/u.test(count) ? Number(count) : undefined;
  if (number === undefined || number > members)
    throw malformed(`${shown(count)} is none of all, any, and the numbers from 1 to ${members}`);
  return number;
}

/** Whether two keys wrap the same public key, whatever their names and types are. */
export const samePublicKey = (a: NoteVerifier, b: NoteVerifier): boolean =>
  toHex(a.publicBytes) === toHex(b.publicBytes);

const utf8 = (bytes: string): string => Buffer.from(bytes, "latin1").toString("utf8");

const shown = (bytes: string): string => quoted(utf8(bytes));

const malformed = (problem: string): CoreError =>
  new CoreError("trust_policy_malformed", `not a trust policy: ${problem}`);
