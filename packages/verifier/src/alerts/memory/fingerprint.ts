import { sha256, toHex } from "@scidex/audit-core";
import type { Divergence } from "@scidex/audit-reader";

/** These say how far it has come, which differs from run to run although nothing else has been done. */
const ONGOING: ReadonlySet<string> = new Set(["truncated", "publisher_silent", "witness_missing", "verdict_overdue"]);

/** The expectation of these is measured, so that it moves with the clock or with the chain. */
const MEASURED: ReadonlySet<string> = new Set(["time_implausible", "index_mismatch"]);

/** Characters of a fingerprint. */
const FINGERPRINT_LENGTH = 32;

/**
 * A finding's fingerprint: what makes it the same one as in an earlier run: where it is and what stands there now. A row that is edited
 * once more is another finding; a chain that lacks its end is the same one, whatever has been appended since. The reader's
 * `findingIdentity` leaves out what stands there: its two looks are moments apart, and must agree while others write.
 *
 * @returns 32 characters of lower-case hex: the first 16 bytes of the SHA-256 over the members, since labels can be long
 */
export function fingerprintOf(divergence: Divergence): string {
  const { check, seq, fromSeq, toSeq, eventKind, eventPk, expected, actual, message } = divergence;
  const parts = ONGOING.has(check)
    ? [check]
    : [
        check,
        seq?.toString(),
        fromSeq?.toString(),
        toSeq?.toString(),
        eventKind,
        eventPk,
        MEASURED.has(check) ? undefined : expected,
        check === "index_mismatch" ? undefined : actual,
        message,
      ];
  return toHex(sha256(JSON.stringify(parts))).slice(0, FINGERPRINT_LENGTH);
}
