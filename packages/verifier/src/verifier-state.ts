import { type JsonValue, parseJson } from "@scidex/audit-core";
import { VerifierError } from "./errors.ts";

/** What a sink held when it was last verified. */
export interface KnownLog {
  readonly lines: number;
  /** SHA-256 (hex) over these lines, as `readHeadLog` computes it. */
  readonly digest: string;
}

/** The verifier's own memory, kept in a file in its own trust domain (`--state`). */
export interface VerifierState {
  readonly sinks: ReadonlyMap<string, KnownLog>;
}

export const EMPTY_STATE: VerifierState = { sinks: new Map() };

const isObject = (value: JsonValue | undefined): value is { [name: string]: JsonValue } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** @throws VerifierError `state_malformed` */
export function parseState(text: string): VerifierState {
  const malformed = (cause?: unknown) =>
    new VerifierError(
      "state_malformed",
      'The state file is not one: expected {"version":1,"sinks":{"<sink>":{"lines":N,"digest":"<hex>"}}}',
      { cause },
    );
  let value: JsonValue;
  try {
    value = parseJson(text);
  } catch (error) {
    throw malformed(error);
  }
  if (!isObject(value) || value["version"] !== 1 || !isObject(value["sinks"])) throw malformed();
  // The publisher's state has these too, with another digest: taken for ours it would accuse the sinks, and be overwritten.
  if ("log" in value)
    throw new VerifierError(
      "state_malformed",
      "This is the publisher's state file. The verifier's is a file of its own, which is made if it is not there",
    );
  if (Object.keys(value).length !== 2) throw malformed();
  const sinks = new Map<string, KnownLog>();
  for (const [name, known] of Object.entries(value["sinks"])) {
    if (!isObject(known)) throw malformed();
    const { lines, digest } = known;
    if (typeof lines !== "number" || !Number.isSafeInteger(lines) || lines < 0 || typeof digest !== "string")
      throw malformed();
    sinks.set(name, { lines, digest });
  }
  return { sinks };
}

export function formatState(state: VerifierState): string {
  return `${JSON.stringify({ version: 1, sinks: Object.fromEntries(state.sinks) }, null, 2)}\n`;
}
