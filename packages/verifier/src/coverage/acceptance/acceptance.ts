import { canonicalJson, jsonInteger, type JsonValue, type Seq, sha256, splitKind, toHex } from "@scidex/audit-core";
import { type CheckName, CHECKS, type Finding, type VerifierError } from "@scidex/audit-reader";

/** So many findings of one check and one kind are accepted one by one; more become one entry. */
export const MAX_ACCEPTED_ONE_BY_ONE = 100;

/**
 * A finding that an auditor has accepted: one state of one row, or all findings of one check and kind as they were. Any
 * other state is a finding.
 */
export interface Acceptance {
  readonly check: CheckName;
  /** Where the finding is; undefined for a row without an event, and for many findings. */
  readonly seq?: Seq | undefined;
  /** The event's kind; of many findings, their table's. */
  readonly eventKind: string;
  readonly eventPk?: string | undefined;
  /** How many findings it stands for; undefined for one. */
  readonly count?: number | undefined;
  /** `stateDigest` of the finding, or `manyDigest` of many. */
  readonly actual: string;
  readonly reason: string;
  readonly by: string;
  /** ISO 8601. */
  readonly at: string;
}

/**
 * Digest of all that was observed of a finding: 64 lower-case hex digits. The message is left out, which a newer release
 * may put otherwise.
 *
 *     SHA-256(canonical JSON of [check, seq, event_kind, event_pk, expected, actual, observed]), null for what is not there
 */
export function stateDigest({ check, seq, eventKind, eventPk, expected, actual, observed }: Finding): string {
  const parts = [check, seq?.toString(), eventKind, eventPk, expected, actual, observed];
  return toHex(sha256(canonicalJson(parts.map((part) => part?.toWellFormed() ?? null))));
}

/** Digest of many findings: SHA-256 of their `stateDigest`s in ascending order, a line each. */
export const manyDigest = (digests: readonly string[]): string =>
  toHex(
    sha256(
      digests
        .toSorted()
        .map((digest) => `${digest}\n`)
        .join(""),
    ),
  );

/** The kind of the table that a finding is about. */
export const tableKind = ({ eventKind }: Pick<Finding, "eventKind">): string => splitKind(eventKind ?? "").kind;

/** Checks of which each finding is one state of one row. */
const OF_ROWS: readonly CheckName[] = ["source_edited", "source_deleted", "source_unchained", "change_unrecorded"];

/** What to do about findings that stand for a condition. */
const INSTEAD: { readonly [check in CheckName]?: string } = {
  source_missing: "put the table back, or record that it is gone with audit-chain sync, and approve that",
  coverage_narrowed: "approve it, with audit-chain policy --approve",
};

/** Why a finding cannot be accepted; undefined where it can. */
export function whyNotAcceptable({ check, seq, eventPk, eventKind }: Finding): string | undefined {
  if (!OF_ROWS.includes(check)) {
    const what =
      CHECKS[check] === "links" ? "a link that no head can be signed over" : "a condition, not the state of a row";
    return `${check} stands for ${what}: ${INSTEAD[check] ?? "mend it"}`;
  }
  if (eventKind === undefined || eventPk === undefined) return `${check} names no row here: its key's columns are NULL`;
  if (check !== "source_unchained" && seq === undefined)
    return `${check} names no link here: it waits to be linked, or links further on are missing`;
  return undefined;
}

const SIGNATURE: readonly string[] = ["event_kind", "reason", "by", "at"];

/** Reads the `accepted` of a policy. @param malformed makes the error to be thrown */
export function parseAccepted(value: JsonValue, malformed: (what: string) => VerifierError): Acceptance[] {
  if (!Array.isArray(value)) throw malformed("accepted must be a list of what audit-chain accept writes");
  return value.map((entry, i) => {
    const wrong = (what: string) => malformed(`accepted[${i}]${what}`);
    if (typeof entry !== "object" || entry === null || Array.isArray(entry)) throw wrong(" must be an object");
    const { check, seq, event_pk: eventPk, count, actual, ...others } = entry;
    const unknown = Object.keys(others).find((name) => !SIGNATURE.includes(name));
    if (unknown !== undefined) throw wrong(` has an unknown member ${JSON.stringify(unknown)}`);
    const known = OF_ROWS.find((name) => name === check);
    if (known === undefined) throw wrong(`.check must be one of ${OF_ROWS.join(", ")}`);
    const text = (name: string): string => {
      const member = entry[name];
      if (typeof member !== "string" || member === "") throw wrong(`.${name} must be text`);
      return member;
    };
    if (seq !== undefined && !isCount(seq, 1)) throw wrong(".seq must be a whole number from 1 to 2^53 - 1");
    if (eventPk !== undefined && typeof eventPk !== "string") throw wrong(".event_pk must be text");
    if (count !== undefined && !isCount(count, MAX_ACCEPTED_ONE_BY_ONE + 1))
      throw wrong(`.count must be a whole number above ${MAX_ACCEPTED_ONE_BY_ONE}`);
    if ((count === undefined) === (eventPk === undefined)) throw wrong(" must have either event_pk or count");
    if (typeof actual !== "string" || !/^[0-9a-f]{64}$/u.test(actual))
      throw wrong(".actual must be 64 lower-case hex digits");
    return {
      check: known,
      ...(seq === undefined ? {} : { seq: BigInt(seq) }),
      eventKind: text("event_kind"),
      ...(eventPk === undefined ? {} : { eventPk }),
      ...(count === undefined ? {} : { count }),
      actual,
      reason: text("reason"),
      by: text("by"),
      at: text("at"),
    };
  });
}

const isCount = (value: JsonValue | undefined, least: number): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= least;

/** An entry as JSON has it. */
export const acceptanceForm = ({ seq, eventKind, eventPk, count, check, actual, reason, by, at }: Acceptance) => ({
  check,
  ...(seq === undefined ? {} : { seq: jsonInteger(seq) }),
  event_kind: eventKind,
  ...(eventPk === undefined ? {} : { event_pk: eventPk }),
  ...(count === undefined ? {} : { count }),
  actual,
  reason,
  by,
  at,
});
