import {
  CoreError,
  fromHex,
  type PayloadReading,
  type ProofTrust,
  type ProvenEvent,
  readingOf,
  SALT_BYTES,
  verifyProof,
} from "@scidex/audit-core";
import { recordedLine, retiredLine, roleLine, witnessedLine } from "./words.ts";

/** A proof, and what it is asked. */
export interface ProofQuestion {
  /** The tlog-proof's text. */
  readonly proof: string;
  readonly trust: ProofTrust;
  readonly kind: string;
  readonly pk: string;
  /** The payload to compare, in the ways in which it may have been meant. */
  readonly readings?: readonly PayloadReading[] | undefined;
  readonly salt?: Uint8Array | undefined;
}

/** What a proof answers, in the same words for a terminal and for a page. The lines repeat text from it, unescaped. */
export type ProofAnswer =
  | { readonly verdict: "refused"; readonly lines: readonly [string]; readonly cause: CoreError }
  | {
      /** `holds` where no payload was to be compared. */
      readonly verdict: "holds" | "recorded" | "different";
      readonly lines: readonly [string, ...string[]];
      readonly proven: ProvenEvent;
      /** How the payload was read; null where it is not what was recorded. */
      readonly readAs: string | null;
    };

/** Checks a proof, and whether a payload is what it proves. Nothing of it is believed before it has been checked. */
export function answerProof({ proof, trust, kind, pk, readings, salt }: ProofQuestion): ProofAnswer {
  let proven: ProvenEvent;
  try {
    proven = verifyProof(proof, trust, { kind, pk });
  } catch (cause) {
    if (!(cause instanceof CoreError)) throw cause;
    // No proof that is refused accuses anybody: it may have been damaged on its way.
    const line = `the proof is refused (${cause.code}): ${cause.message}${ADVICE[cause.code] ?? ""}`;
    return { verdict: "refused", lines: [line], cause };
  }
  const reading = readings && readingOf(readings, proven.leaf.payloadHash, salt ?? null);
  const verdict = readings === undefined ? "holds" : reading === undefined ? "different" : "recorded";
  const lines: [string, ...string[]] = [
    recordedLine(proven),
    ...roleLine(proven),
    ...witnessedLine(proven),
    ...retiredLine(proven),
  ];
  if (verdict === "different")
    lines.push(
      `The payload is NOT what was recorded.${salt === undefined ? " (Of a table with salts, no payload is without its row's salt.)" : ""}`,
    );
  if (reading !== undefined) lines.push(`The payload is what was recorded (read ${reading.how}).`);
  return { verdict, lines, proven, readAs: reading?.how ?? null };
}

const ADVICE: Readonly<Record<string, string>> = {
  origin_mismatch: ". Check that AUDIT_VERIFIER_KEYS and AUDIT_ORIGIN are those of its log",
  signature_missing: ". Check that AUDIT_VERIFIER_KEYS has the keys of this log",
  retired_key: ". Ask for a proof with a newer checkpoint, and where the old key's copies are",
  witness_missing: ". A proof with a newer checkpoint may be cosigned",
};

/** Why a payload cannot be taken, in words. */
export const payloadProblem = ({ code, message }: CoreError): string => `${message}${PAYLOAD_ADVICE[code] ?? ""}`;

const PAYLOAD_ADVICE: Readonly<Record<string, string>> = {
  json_syntax: "; expected one JSON value, in UTF-8 and without a byte order mark",
  json_lossy_number: "; write it as a string to keep every digit",
  json_duplicate_name: "; readers differ in which of the two they take",
};

/** The salt of a row, as hex; undefined for what is none. */
export function saltOf(hex: string): Uint8Array | undefined {
  try {
    const salt = fromHex(hex);
    return salt.length === SALT_BYTES ? salt : undefined;
  } catch (error) {
    if (error instanceof CoreError) return undefined;
    throw error;
  }
}

/** What is expected of a salt. */
export const SALT_FORM: string = `expected ${SALT_BYTES} bytes as ${2 * SALT_BYTES} digits of lower-case hex.`;
