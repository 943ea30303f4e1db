import {
  CoreError,
  escapeText,
  type NoteVerifier,
  parseJson,
  parseRetiredKeys,
  parseTrustPolicy,
  parseVerifierKey,
  payloadReadings,
  type ProofTrust,
} from "@scidex/audit-core";
import { answerProof, payloadProblem, SALT_FORM, saltOf } from "../answer-proof.ts";
import { BrowserError } from "./node-crypto.ts";

/** What stands in the page's fields. */
export type Fields = Readonly<
  Record<"proof" | "keys" | "kind" | "pk" | "payload" | "salt" | "witnesses" | "policy", string>
>;

/** An answer, as it is shown. */
export interface Shown {
  readonly status: "intact" | "tampered" | "unproven";
  readonly title: string;
  readonly lines: readonly string[];
  /** The field that something is wrong with. */
  readonly wrong?: keyof Fields;
}

/** Checks what stands in the fields; nothing is thrown but what the browser cannot do. */
export function check(fields: Fields): Shown {
  try {
    const keys = wordsOf(fields.keys);
    if (keys.length === 0)
      throw new WrongField("keys", "The log's verifier keys are missing: all belief rests on them.");
    if (fields.proof === "") throw new WrongField("proof", "The proof is missing.");
    // A key can be empty. No kind is.
    if (fields.kind === "")
      throw new WrongField(
        "kind",
        "Say which event you expect, by its kind and key: a proof of another one is refused.",
      );
    return answer(fields, trustOf(fields, keys.map(keyOf)));
  } catch (error) {
    if (!(error instanceof WrongField)) throw error;
    return { status: "unproven", title: "Not checked", lines: [escapeText(error.message)], wrong: error.field };
  }
}

/** Something is wrong with a field, and so nothing was checked. */
class WrongField extends Error {
  readonly field: keyof Fields;

  constructor(field: keyof Fields, message: string) {
    super(message);
    this.field = field;
  }
}

function answer(fields: Fields, trust: ProofTrust): Shown {
  const hasPayload = fields.payload !== "";
  const salt = fields.salt === "" ? undefined : saltOf(fields.salt);
  if (fields.salt !== "" && salt === undefined) throw new WrongField("salt", `The salt: ${SALT_FORM}`);
  if (salt !== undefined && !hasPayload) throw new WrongField("payload", "A salt is for a record: give that too.");
  const readings = hasPayload
    ? inField(
        "payload",
        () => payloadReadings(fields.payload),
        (error) => `The record cannot be taken: ${payloadProblem(error)}`,
      )
    : undefined;
  const { proof, kind, pk } = fields;
  const { verdict, lines } = answerProof({ proof, trust, kind, pk, readings, salt });
  return { ...VERDICTS[verdict], lines: lines.map(escapeText) };
}

const VERDICTS = {
  refused: { status: "unproven", title: "Refused" },
  holds: { status: "intact", title: "It was recorded" },
  recorded: { status: "intact", title: "This was recorded" },
  different: { status: "tampered", title: "NOT what was recorded" },
} as const;

const wordsOf = (text: string): string[] => text.split(/[\s,]+/u).filter((word) => word !== "");

const keyOf = (word: string): NoteVerifier =>
  inField(
    "keys",
    () => parseVerifierKey(word),
    ({ message }) => `Not a verifier key: ${message}`,
  );

function trustOf({ witnesses, policy }: Fields, verifiers: readonly NoteVerifier[]): ProofTrust {
  const logs = new Set(verifiers.filter(({ type }) => type === 1).map(({ name }) => name));
  if (logs.size > 1)
    throw new WrongField(
      "keys",
      `These are keys of several logs (${[...logs].join(", ")}): leave only those of the one you expect.`,
    );
  const bytes = new TextEncoder().encode(witnesses);
  return {
    verifiers,
    witnesses:
      witnesses === ""
        ? undefined
        : inField(
            "witnesses",
            () => parseTrustPolicy(bytes),
            ({ message }) => `The trust policy: ${message}`,
          ),
    retired:
      policy === ""
        ? undefined
        : inField(
            "policy",
            () => retiredKeysOf(policy),
            ({ message }) => `The policy: ${message}`,
          ),
  };
}

/** The members of a verifier's policy. */
const MEMBERS: ReadonlySet<string> = new Set(
  "origin tables detached login_triggers server verdict approved logs retired_keys accepted".split(" "),
);

function retiredKeysOf(text: string): ReturnType<typeof parseRetiredKeys> {
  const policy = parseJson(text);
  const isObject = typeof policy === "object" && policy !== null && !Array.isArray(policy);
  const malformed = (what: string): CoreError => new CoreError("json_syntax", what);
  if (!isObject) throw malformed("it is no JSON object");
  // A record that looks like a policy must not go uncompared for that.
  const unknown = Object.keys(policy).find((member) => !MEMBERS.has(member));
  if (unknown !== undefined) throw malformed(`unknown member ${JSON.stringify(unknown)}`);
  return policy["retired_keys"] === undefined ? [] : parseRetiredKeys(policy["retired_keys"], malformed);
}

function inField<T>(field: keyof Fields, read: () => T, say: (error: CoreError) => string): T {
  try {
    return read();
  } catch (error) {
    for (let cause = error; cause instanceof Error; cause = cause.cause) if (cause instanceof BrowserError) throw cause;
    if (error instanceof CoreError) throw new WrongField(field, say(error));
    throw error;
  }
}
