import { readFile } from "node:fs/promises";
import { isSuccessor } from "@scidex/audit-core";
import { type KnownLog, type VerifierState } from "@scidex/audit-reader";
import { AlertFile, failuresOf } from "@scidex/audit-verifier/alerts";
import { readState, replaceState } from "@scidex/audit-verifier/command";
import { messageOf, PublisherError } from "../errors.ts";
import { replaceDurably } from "@scidex/audit-command";
import { parseState as parsePublisherState, type State } from "../state/state.ts";
import type { VerifyAndAlertOptions } from "./verify-and-alert-options.ts";

/** What this machine remembers of earlier verifications and publications. */
export interface VerifyMemory {
  readonly state: VerifierState;
  /** Why the publisher's state could not be used. */
  readonly failures: readonly string[];
}

/**
 * Puts together the verifier's state, the publisher's, and since when a verdict is awaited.
 *
 * @throws {PublisherError} `configuration` where the verifier's state is not one
 */
export async function readMemory({
  stateFile,
  publisherState,
  alertMemory,
  origin,
}: Pick<VerifyAndAlertOptions, "stateFile" | "publisherState" | "alertMemory" | "origin">): Promise<VerifyMemory> {
  const own = await readOwn(stateFile);
  const { known, failures } = await readPublisher(publisherState);
  const publisher = known !== null && (origin === undefined || isSuccessor(known.origin, origin)) ? known : null;
  return {
    state: {
      sinks: new Map([...own.sinks, ...(publisher === null ? [] : logsOf(publisher, own))]),
      server: own.server ?? publisher?.server ?? null,
      awaitedSince: latest([await lastVerdict(alertMemory), own.awaitedSince ?? null]),
      joining: own.joining,
    },
    failures,
  };
}

/** Remembers what the sinks held, where there is a file for it. Returns why it could not. */
export async function saveMemory(
  { stateFile }: Pick<VerifyAndAlertOptions, "stateFile">,
  states: { readonly before: VerifierState; readonly after: VerifierState },
): Promise<string[]> {
  if (stateFile === undefined) return [];
  return failuresOf(
    replaceState(stateFile, states, async (text) => await replaceDurably(stateFile, text)),
    `the state file ${stateFile} can't be written: `,
  );
}

async function readOwn(stateFile: string | undefined): Promise<VerifierState> {
  try {
    return await readState(stateFile);
  } catch (cause) {
    throw new PublisherError("configuration", messageOf(cause), { cause });
  }
}

/** The publisher's state is a help here. Who may not read it, or has none, verifies without. */
async function readPublisher(path: string | undefined): Promise<{ known: State | null; failures: string[] }> {
  if (path === undefined) return { known: null, failures: [] };
  try {
    return { known: parsePublisherState(await readFile(path, "utf8"), path), failures: [] };
  } catch (error) {
    return { known: null, failures: error instanceof PublisherError ? [error.message] : [] };
  }
}

/** What the publisher knows of sinks beyond what the verifier does. */
function logsOf({ sinks }: State, own: VerifierState): (readonly [string, KnownLog])[] {
  return Object.entries(sinks).flatMap(([name, { lines, digest, last, before }]) =>
    last === null || lines < (own.sinks.get(name)?.lines ?? 0)
      ? []
      : [[name, { lines, digest, last: { line: last, before } }] as const],
  );
}

/** When the alert memory has seen the last full verdict, or else the first run: milliseconds since the Unix epoch. */
async function lastVerdict(alertMemory: string): Promise<number | null> {
  const { firstRun, lastFull } = await new AlertFile(alertMemory, []).load();
  const time = lastFull ?? firstRun;
  return time === null ? null : Date.parse(time);
}

const latest = (timesMs: readonly (number | null)[]): number | null =>
  timesMs.reduce((a, b) => (a === null || (b !== null && b > a) ? b : a), null);
