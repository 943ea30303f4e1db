import type { KnownLog } from "./verifier-state.ts";

/** What a reading of a log found of the lines that are known. */
export interface KnownReading {
  /** Number of whole lines, and their running digest. */
  readonly lines: number;
  readonly digest: string;
  /** The digest after as many lines as are known; undefined where there are less. */
  readonly digestAtKnown: string | undefined;
  /** What is there of a last line whose end is missing. */
  readonly torn: string | undefined;
}

/**
 * How a log stands to what it is known to have held. The verifier and the publisher ask the same here, each of its own
 * memory; what they call the answer depends on what they know beside it.
 *
 * - `whole`: all of it is there as it was, and perhaps more.
 * - `torn`: a power cut took the end of the last known line. The next publication writes it again.
 * - `cut`: there are fewer lines.
 * - `changed`: there are enough lines, and others than those.
 */
export type Standing = "whole" | "torn" | "cut" | "changed";

export function standingOf(read: KnownReading, known: KnownLog): Standing {
  if (isTornAtKnown(read, known)) return "torn";
  if (read.lines < known.lines) return "cut";
  return read.digestAtKnown === known.digest ? "whole" : "changed";
}

function isTornAtKnown({ lines, digest, torn }: KnownReading, { lines: known, last }: KnownLog): boolean {
  if (torn === undefined || last === undefined || lines !== known - 1) return false;
  return digest === last.before && last.line.startsWith(torn);
}
