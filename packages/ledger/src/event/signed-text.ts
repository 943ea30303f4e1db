import type { LedgerEvent } from "./event.ts";
import { signedSecond } from "./timestamp.ts";

/** An event without its HMAC: what is signed. */
export type UnsignedEvent = Omit<LedgerEvent, "hmac">;

/**
 * The text that an event's HMAC is taken of: its eleven other members as JSON, keys sorted, without spaces. Everything
 * outside printable ASCII is escaped as `\uXXXX` (lower case; surrogate pairs above U+FFFF; U+007F too). The timestamp
 * is cut to the second.
 *
 * This is what Python's `json.dumps(…, sort_keys=True, separators=(",", ":"))` writes. It is not RFC 8785, which leaves
 * such characters as they are.
 *
 * ```
 * {"agent_id":"a","human_oversight_flag":false,"id":"…","input_hash":null,…,"timestamp":"2026-11-22T08:37:37Z"}
 * ```
 */
export function signedText(event: UnsignedEvent): string {
  // Written out in sorted order: a member more in the object must not become a member more in the text.
  const text = JSON.stringify({
    agent_id: event.agent_id,
    human_oversight_flag: event.human_oversight_flag,
    id: event.id,
    input_hash: event.input_hash,
    model_used: event.model_used,
    operation: event.operation,
    output_hash: event.output_hash,
    prev_hmac: event.prev_hmac,
    risk_flag: event.risk_flag,
    session_id: event.session_id,
    timestamp: signedSecond(event.timestamp),
  });
  // JSON.stringify has escaped the control characters below U+0020 exactly as Python does.
  return text.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
