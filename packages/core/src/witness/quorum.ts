/**
 * Whether a checkpoint is valid by a trust policy: signed by one of its logs, and cosigned by its quorum.
 *
 * A cosignature counts where it is by a witness of the policy, verifies, and has a time. It counts for nothing
 *
 * - with a time of 0, which says nothing of the largest tree that the witness has seen (c2sp.org/tlog-cosignature);
 * - where there are two by one key: the reader could choose;
 * - where the witness's key is one of the log's own, under whatever name and type: who signs is no witness of it.
 *
 * Signatures by others are passed over.
 */
import { CoreError, quoted } from "../errors.ts";
import { type ParsedNote, parseNote, type SignatureLine } from "../note.ts";
import type { NoteVerifier } from "../note-key.ts";
import { signedTimeOf } from "../signature-type.ts";
import type { Seconds } from "../units.ts";
import { type PolicyGroup, type PolicyWitness, samePublicKey, type TrustPolicy } from "./trust-policy.ts";

/** A cosignature that counts. */
export interface Cosignature {
  readonly witness: PolicyWitness;
  readonly time: Seconds;
}

/** Why one does not. */
export interface Miscounted {
  readonly witness: PolicyWitness;
  readonly reason: "invalid" | "time_zero" | "twice" | "own_key" | "too_old";
}

/** How a checkpoint stands to a trust policy. */
export interface Witnessed {
  /** Whether the quorum has cosigned, and a log of the policy has signed; with `quorum none` only the latter. */
  readonly isMet: boolean;
  /** The quorum's name; `none` where no witness is asked for. */
  readonly quorum: string;
  /** Whether one of the policy's logs has signed; true where it has none. */
  readonly isSigned: boolean;
  readonly cosigned: readonly Cosignature[];
  readonly miscounted: readonly Miscounted[];
}

/**
 * Judges a signed note by a policy.
 *
 * @param own the log's keys: the ones that its reader trusts. Those of the policy's logs are taken for its own anyway
 * @param options.since a cosignature that is older counts for nothing; seconds since the Unix epoch
 * @throws {CoreError} `note_malformed`
 */
export function witnessedBy(
  note: string,
  policy: TrustPolicy,
  own: readonly NoteVerifier[],
  { since = 0n }: { readonly since?: Seconds } = {},
): Witnessed {
  const parsed = parseNote(note);
  const cosigned: Cosignature[] = [];
  const miscounted: Miscounted[] = [];
  for (const witness of policy.witnesses) {
    const judged = judge(parsed, witness, [...own, ...policy.logs], since);
    if (typeof judged === "bigint") cosigned.push({ witness, time: judged });
    else if (judged !== undefined) miscounted.push({ witness, reason: judged });
  }
  const counted = new Set<PolicyWitness | PolicyGroup>(cosigned.map(({ witness }) => witness));
  const isSigned = policy.logs.length === 0 || policy.logs.some((log) => isSignedBy(parsed, log));
  const { quorum } = policy;
  const isMet = isSigned && (quorum === undefined || hasCosigned(quorum, counted));
  return { isMet, quorum: quorum?.name ?? "none", isSigned, cosigned, miscounted };
}

/** The same, for who takes nothing less. @throws {CoreError} `witness_missing`, `note_malformed` */
export function requireWitnessed(note: string, policy: TrustPolicy, own: readonly NoteVerifier[]): Witnessed {
  const witnessed = witnessedBy(note, policy, own);
  if (!witnessed.isMet) throw new CoreError("witness_missing", describeMissing(witnessed));
  return witnessed;
}

/** Why a checkpoint is not valid by the policy, in words. */
export function describeMissing({ isSigned, quorum, cosigned, miscounted }: Witnessed): string {
  if (!isSigned) return "signed by none of the logs of the trust policy";
  const by =
    cosigned.length === 0 ? "no witness" : `only ${cosigned.map(({ witness }) => quoted(witness.name)).join(", ")}`;
  const not = miscounted.map(
    ({ witness, reason }) => `; ${quoted(witness.name)} counts for nothing: ${REASONS[reason]}`,
  );
  return `the quorum ${quoted(quorum)} of the trust policy has not cosigned it, ${by}${not.join("")}`;
}

const REASONS: Readonly<Record<Miscounted["reason"], string>> = {
  invalid: "its cosignature does not verify",
  time_zero: "its cosignature has no time",
  twice: "there are two cosignatures by its key",
  own_key: "its key is one of the log's own",
  too_old: "its cosignature is too old for this head",
};

function judge(
  { text, lines }: ParsedNote,
  witness: PolicyWitness,
  own: readonly NoteVerifier[],
  since: Seconds,
): Seconds | Miscounted["reason"] | undefined {
  const { verifier } = witness;
  const by = lines.filter((line) => isBy(line, verifier));
  const [line] = by;
  if (line === undefined) return undefined;
  if (own.some((key) => samePublicKey(key, verifier))) return "own_key";
  if (by.length > 1) return "twice";
  if (!verifier.verify(text, line.signature)) return "invalid";
  const time = signedTimeOf(verifier.type, line.signature) ?? 0n;
  if (time === 0n) return "time_zero";
  return time < since ? "too_old" : time;
}

const isBy = (line: SignatureLine, { name, keyId }: NoteVerifier): boolean =>
  line.name === name && line.keyId === keyId;

function isSignedBy({ text, lines }: ParsedNote, log: NoteVerifier): boolean {
  const [line, ...more] = lines.filter((one) => isBy(one, log));
  return (
    line !== undefined && more.length === 0 && text.startsWith(`${log.name}\n`) && log.verify(text, line.signature)
  );
}

/** Each is a member of one group at most, defined after it: so this ends, and no witness counts twice. */
function hasCosigned(one: PolicyWitness | PolicyGroup, counted: Set<PolicyWitness | PolicyGroup>): boolean {
  if (!("members" in one)) return counted.has(one);
  return one.members.filter((member) => hasCosigned(member, counted)).length >= one.threshold;
}
