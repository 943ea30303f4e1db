import { formatSeconds } from "@scidex/audit-core";
import { isBeginning, isStatement, type Publication } from "@scidex/audit-reader";
import { PublisherError } from "../errors.ts";
import { hasGap } from "../state/state.ts";
import type { CheckedSinks } from "./check-sinks.ts";

/**
 * Requires that the sinks allow a head to be signed from this state.
 *
 * @param path the state file's, for messages
 * @throws {PublisherError} `state_outdated`, `configuration`
 */
export function requireSignableState(checked: CheckedSinks, path: string): void {
  // Where a sink was tampered with, that is the answer, and nothing is signed anyway.
  if (checked.sinks.every(({ finding }) => finding === undefined)) requireNewest(checked, path);
  requireHistory(checked);
}

/**
 * Lines that we have signed and do not remember can only be from after the state was copied. What is signed from an old
 * memory would stand beside them.
 */
function requireNewest({ sinks }: CheckedSinks, path: string): void {
  const [ahead] = sinks
    .flatMap(({ sink, newer }) => (newer === undefined ? [] : [{ name: sink.name, newer }]))
    .toSorted((a, b) => (a.newer.signedTime > b.newer.signedTime ? -1 : 1));
  if (ahead === undefined) return;
  throw new PublisherError(
    "state_outdated",
    `the state file ${path} is older than the sinks: ${ahead.name} holds ${describe(ahead.newer)}, signed with this key at ${formatSeconds(ahead.newer.signedTime)}, that the state does not know. An older copy of it was put back, or another publisher runs with a copy of this key. Nothing is signed: put the newest copy of the state back. If there is none, verify (audit-verify), and only when chain and sinks are clean move this state away and rebuild it from them: audit-publisher publish --recover-state`,
  );
}

function describe(one: Publication): string {
  if (isBeginning(one)) return `the beginning of ${JSON.stringify(one.origin)}`;
  return isStatement(one) ? `a statement about ${JSON.stringify(one.kind)}` : `a head of ${one.seq} links`;
}

/**
 * A head that is signed while every sink still lacks older ones would be in no sink's outbox, and could never be
 * delivered.
 */
function requireHistory({ sinks, state }: CheckedSinks): void {
  if (sinks.some(({ record, finding }) => finding !== undefined || !hasGap(state, record))) return;
  throw new PublisherError(
    "configuration",
    `none of the sinks holds the ${state.log.lines} lines that were published before: keep one of the sinks that were used until now (${Object.keys(state.sinks).join(", ")}) in AUDIT_SINKS until the new ones have been filled from it, or copy its log by hand`,
  );
}
