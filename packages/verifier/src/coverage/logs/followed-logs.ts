import type { JsonValue } from "@scidex/audit-core";
import type { VerifierError } from "@scidex/audit-reader";

/** The beginning of a log that is followed. */
export interface FollowedLog {
  readonly origin: string;
  /** SHA-256 of the statement's note: 64 lower-case hex digits. */
  readonly statement: string;
}

/** Reads the `logs` of a policy. @param malformed makes the error to be thrown */
export function parseLogs(value: JsonValue, malformed: (what: string) => VerifierError): FollowedLog[] {
  if (!Array.isArray(value)) throw malformed("logs must be a list of what audit-chain policy --approve writes");
  return value.map((entry, i) => {
    const { origin, statement, ...others } =
      typeof entry === "object" && entry !== null && !Array.isArray(entry) ? entry : {};
    const isHash = typeof statement === "string" && /^[0-9a-f]{64}$/u.test(statement);
    if (typeof origin !== "string" || !isHash || Object.keys(others).length > 0)
      throw malformed(`logs[${i}] must have origin, and statement, 64 lower-case hex digits, and nothing else`);
    return { origin, statement };
  });
}
