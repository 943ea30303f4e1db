import { sinkUrls } from "@scidex/audit-command";
import type { NoteVerifier } from "@scidex/audit-core";
import { openSinks, type Sink, SinkError } from "@scidex/audit-sinks";
import { configuration } from "./errors.ts";

/** @param state the state file, beside which git sinks keep their clones; without one they are made anew each time */
export function sinksToRead(state: string | undefined): Sink[] {
  const folder = state === undefined ? undefined : `${state}.clones`;
  try {
    return openSinks(sinkUrls(), { folder });
  } catch (error) {
    if (error instanceof SinkError) throw configuration(`AUDIT_SINKS: ${error.message}`, error);
    throw error;
  }
}

/** Which log's heads are expected must be said where the keys are those of several. */
export function checkOrigin(name: string | undefined, keys: readonly NoteVerifier[]): void {
  const logs = new Set(keys.flatMap(({ type, name: log }) => (type === 1 ? [log] : [])));
  if (name !== undefined || logs.size < 2) return;
  throw configuration(
    `AUDIT_ORIGIN is not set, and AUDIT_VERIFIER_KEYS has the keys of several logs; expected one of ${[...logs].map((log) => JSON.stringify(log)).join(", ")}`,
    undefined,
  );
}
