import { described, type StreamEvent } from "./batch.ts";
import type { Link } from "./link-batch.ts";

/** Something that the log shows and that should not be. */
export interface Notice {
  readonly check: "change_refused" | "change_unrecorded" | "source_unchained" | "relation_changed";
  readonly eventKind: string;
  readonly message: string;
}

/** One of an event that was linked, with its link. */
export interface LinkNotice extends Notice {
  readonly eventPk: string;
  readonly seq: bigint;
}

const NONE: readonly LinkNotice[] = [];

/** What is to be said of an event once it is linked. */
export function noticesOf(
  { kind, pk, op, isRefused, transaction }: StreamEvent,
  { seq, isUnexpected }: Link,
): readonly LinkNotice[] {
  if (seq === null || !(isRefused || isUnexpected)) return NONE;
  const said = described(transaction);
  const about = { eventKind: kind, eventPk: pk, seq };
  const refused = `the row was ${op === "update" ? "updated" : "deleted"} past its guard (${said})`;
  const unexpected =
    op === "insert"
      ? `a row was inserted where one was recorded that the log has not shown to go (${said})`
      : `the row before this change is not the one that was recorded last: it was changed by what the log does not show (${said})`;
  return [
    ...(isRefused ? [{ ...about, check: "change_refused" as const, message: refused }] : []),
    ...(isUnexpected ? [{ ...about, check: "change_unrecorded" as const, message: unexpected }] : []),
  ];
}
