import { CoreError, type HeadTrust, NO_NIGHT, parseNightLine, sameBytes, type SignedNight } from "@scidex/audit-core";
import type { Sink, SinkLine } from "@scidex/audit-sinks";

/** A line that is no night, or that does not follow the one before it. */
export interface BrokenNight {
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

/** What a place of nights holds. */
export interface ReadNights {
  /** Those that are signed, in the order of their lines. */
  readonly nights: readonly SignedNight[];
  readonly broken: readonly BrokenNight[];
  /** The offset after the last whole line: what an append goes after. */
  readonly end: number;
  /** Whether a line is left unfinished at the end, as by a power cut; the next night removes it. */
  readonly isTorn: boolean;
}

/**
 * Reads the nights of a sink and checks each: its signatures, and that it follows the one before.
 *
 * @param verifier the name of the keys that must have signed them
 * @throws {SinkError} when it cannot be read
 */
export async function readNights(sink: Sink, verifier: string, trust: HeadTrust): Promise<ReadNights> {
  const nights: SignedNight[] = [];
  const broken: BrokenNight[] = [];
  let end = 0;
  let isTorn = false;
  for await (const line of sink.read()) {
    if (line.defect === "torn") {
      isTorn = true;
      continue;
    }
    ({ end } = line);
    const night = nightOf(line, verifier, trust);
    const message = typeof night === "string" ? night : misplaced(night, nights.at(-1));
    if (message !== null) broken.push({ line: line.number, message });
    if (typeof night !== "string") nights.push(night);
  }
  return { nights, broken, end, isTorn };
}

/** The night of a line, or what is wrong with it. */
function nightOf(line: SinkLine, verifier: string, trust: HeadTrust): SignedNight | string {
  if (line.defect !== null) return line.defect === "too_long" ? "it is too long" : "it is not UTF-8";
  try {
    return parseNightLine(line.text, verifier, trust);
  } catch (error) {
    if (error instanceof CoreError) return error.message;
    throw error;
  }
}

function misplaced({ number, previous }: SignedNight, before: SignedNight | undefined): string | null {
  const expected = (before?.number ?? 0) + 1;
  if (number !== expected) return `it is night ${number}; expected ${expected}`;
  return sameBytes(previous, before?.hash ?? NO_NIGHT) ? null : "it does not follow the night before it";
}
