import {
  type Head,
  type HeadTrust,
  parseVerifierKey,
  type PublisherKeys,
  sameBytes,
  timestampName,
} from "@scidex/audit-core";
import { EMPTY_STATE, type Finding, type PublishedHead, readPublishedHeads, toPublished } from "@scidex/audit-reader";
import type { Sink } from "@scidex/audit-sinks";
import { PublisherError } from "../errors.ts";
import { openMemory, type Remembered, rememberedOf } from "../publish/open-memory.ts";
import { checkSinks } from "../sinks/check-sinks.ts";
import { recoverState } from "../sinks/recover-state.ts";
import { requireSignableState } from "../sinks/require-signable-state.ts";
import { exists, stateFileOf } from "../state/key-file.ts";
import { readLogKeys } from "../state/log-keys.ts";
import type { State } from "../state/state.ts";
import type { StateFile } from "../state/state-file.ts";

/** The log that is to end, as far as its keys are known. */
export interface LogToEnd {
  readonly origin: string;
  /** Undefined where they are lost. */
  readonly keys: PublisherKeys | undefined;
  /** What trusts them. */
  readonly trust: HeadTrust;
}

/**
 * The log that a key file is of; where that is lost, the one that is named, with the verifier keys that are given.
 *
 * @throws {PublisherError} `configuration`
 */
export async function logToEnd(
  keyFile: string,
  { origin, vkeys }: { readonly origin: string | undefined; readonly vkeys: readonly string[] },
): Promise<LogToEnd> {
  if (await exists(keyFile)) {
    const { keys, trust } = await readLogKeys(keyFile, vkeys);
    return { origin: keys.origin, keys, trust };
  }
  const names = origin === undefined ? [] : [origin, timestampName(origin)];
  const own = vkeys.map((vkey) => parseVerifierKey(vkey)).filter(({ name }) => names.includes(name));
  if (origin === undefined || own.length < 2)
    throw new PublisherError(
      "configuration",
      `the key file ${keyFile} does not exist. Where it is lost, AUDIT_ORIGIN must name its log, and AUDIT_VERIFIER_KEYS have the two verifier keys of it: what it has published is read by them`,
    );
  return { origin, keys: undefined, trust: { origin, verifiers: own } };
}

/** What is known of the log that is to end. */
export interface EndedState extends Remembered {
  /** Its state file; undefined where that is lost. */
  readonly file: StateFile | undefined;
  readonly state: State;
  readonly last: Head;
  /** All its heads, in the order of their seq. */
  readonly heads: readonly PublishedHead[];
}

/**
 * Reads what the log has published: from its state, or where that is lost, from the sinks. A log is ended only with sinks
 * that are in order: what is wrong with one now would never be found again.
 *
 * @throws {PublisherError} `begin` for a finding in a sink, and for a log that has published nothing
 */
export async function readEnded(keyFile: string, log: LogToEnd, sinks: readonly Sink[]): Promise<EndedState> {
  const { origin, trust } = log;
  const path = stateFileOf(keyFile);
  const file = (await exists(path)) ? (await openMemory({ keyFile }, origin, sinks, trust)).file : undefined;
  const checked = await checkSinks(sinks, file?.state ?? (await recoverState(origin, sinks, trust)), trust);
  requireSignableState(checked, path);
  const findings: Pick<Finding, "check" | "message">[] = checked.sinks.flatMap(({ finding }) => finding ?? []);
  const { heads } = await readPublishedHeads(sinks, trust, EMPTY_STATE, (one) => findings.push(one));
  const [first] = findings;
  if (first !== undefined)
    throw new PublisherError(
      "begin",
      `a sink is not as it was left (${first.check}: ${first.message}). Mend it first, or leave it out of AUDIT_SINKS`,
    );
  const { last, ...remembered } = rememberedOf({ path, state: checked.state }, trust);
  if (last === undefined)
    throw new PublisherError("begin", `${JSON.stringify(origin)} has published nothing: there is nothing to end`);
  const isRead = heads.some(({ seq, root }) => seq === last.seq && sameBytes(root, last.root));
  // It need not have arrived in a sink.
  return { file, state: checked.state, last, ...remembered, heads: isRead ? heads : [...heads, toPublished(last)] };
}
