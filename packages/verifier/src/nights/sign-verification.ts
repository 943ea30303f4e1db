import { readFile } from "node:fs/promises";
import { CommandError } from "@scidex/audit-command";
import {
  fromHex,
  type LinkId,
  type Night,
  NO_NIGHT,
  parseNightLine,
  type PublisherKeys,
  sha256,
  signNight,
  withSignatures,
} from "@scidex/audit-core";
import { openSink, type Sink } from "@scidex/audit-sinks";
import type { Policy } from "../coverage/policy.ts";
import { formatReport, type VerificationReport } from "../report/verification-report.ts";
import { trustOfKeys } from "./night-keys.ts";
import { hasNight, memoryOf, readLastNight, rememberNight } from "./night-memory.ts";
import { type ReadNights, readNights } from "./read-nights.ts";

/** Where a night goes, and who signs it. */
export interface NightTarget {
  readonly keys: PublisherKeys;
  readonly keyFile: string;
  /** The place's URL: `file:/srv/nights.log`. */
  readonly url: string;
  /** A folder for a git place's clone. */
  readonly folder: string | undefined;
}

/** What a night says. */
export interface NightOf {
  readonly report: VerificationReport;
  readonly policy: Policy | null;
  readonly policyFile: string | undefined;
  readonly origin: string | null;
  readonly database: string;
  readonly version: string;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

/**
 * Signs what a full verification has found, and adds it to the nights of its place.
 *
 * @throws {CommandError} `failed` where the place does not hold what these keys have signed before: then nothing is written;
 *   `SinkError` where it cannot be read or written
 */
export async function signVerification(target: NightTarget, verified: NightOf): Promise<void> {
  const sink = openSink(target.url, { folder: target.folder });
  try {
    await addNight(sink, target, verified);
  } finally {
    await sink.close();
  }
}

async function addNight(sink: Sink, { keys, keyFile }: NightTarget, verified: NightOf): Promise<void> {
  const trust = trustOfKeys(keys);
  const held = await readNights(sink, keys.origin, trust);
  const last = await readLastNight(keyFile);
  checkPlace(sink.name, held, last.number, hasNight(held.nights, last), keyFile);
  const before = held.nights.at(-1);
  const { report, policy, policyFile, origin, database, version, now } = verified;
  const night: Night = {
    number: (before?.number ?? 0) + 1,
    previous: before?.hash ?? NO_NIGHT,
    status: report.status,
    findings: report.divergenceCount,
    accepted: report.accepted.length,
    head: report.head && { seq: report.head.seq, chainHash: fromHex(report.head.chainHash) },
    anchoredTo: report.anchoredTo,
    origin,
    database,
    policy: policyFile === undefined ? null : sha256(await readFile(policyFile)),
    approved: approvedBy(policy),
    report: sha256(formatReport(report)),
    version,
  };
  const line = await withSignatures(() => signNight({ keys, night, time: BigInt(Math.floor(now / 1000)) }));
  await sink.append([line], { after: held.end });
  await rememberNight(keyFile, parseNightLine(line, keys.origin, trust));
}

const approvedBy = (policy: Policy | null): LinkId | null =>
  policy?.approved === undefined ? null : { seq: policy.approved.seq, chainHash: fromHex(policy.approved.chainHash) };

/** What was signed once must be there, else somebody has cut it back: a new night over it would hide that. */
function checkPlace(
  name: string,
  { broken, nights }: ReadNights,
  known: number,
  isThere: boolean,
  keyFile: string,
): void {
  const [first] = broken;
  if (first !== undefined)
    throw new CommandError(
      "failed",
      `${name}: line ${first.line} is no night that follows: ${first.message}. Nothing was added; audit-verify history says more`,
    );
  if (isThere) return;
  throw new CommandError(
    "failed",
    known === 0
      ? `${name} has ${nights.length} nights of these keys, and ${memoryOf(keyFile)}, which remembers them, is not there: put it back`
      : `${name} does not have night ${known} as these keys have signed it: it was cut back or changed, or is another place. Nothing was added. Put it back from a copy; ${memoryOf(keyFile)} is the memory of it`,
  );
}
