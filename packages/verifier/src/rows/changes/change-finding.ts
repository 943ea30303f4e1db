import type { Finding } from "@scidex/audit-reader";
import type { KeyEvent } from "../key-group.ts";

/** Where a finding about an event is. */
export function located(event: KeyEvent) {
  return {
    ...(event.seq === null ? {} : { seq: event.seq }),
    eventKind: event.eventKind,
    eventPk: event.eventPk,
  };
}

/** What a change found was not what the event before it had left; or what a row was put back as, was not. */
export function unrecordedChange(
  event: KeyEvent,
  found: { readonly relation: string; readonly expected: string; readonly actual: string; readonly place: string },
): Finding {
  const { relation, expected, actual, place } = found;
  const message =
    event.op === "restore"
      ? `the event says that a row of ${relation} was put back, and it is another one than the chain had recorded${place}: no door has written that`
      : `what stood in ${relation} before this ${event.op} was not what the chain had recorded${place}: the row was changed past the trigger`;
  return {
    check: "change_unrecorded",
    ...located(event),
    expected,
    actual,
    message,
  };
}
