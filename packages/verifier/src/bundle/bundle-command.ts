import { resolve } from "node:path";
import {
  type CommandContext,
  EXIT,
  origin,
  type Outcome,
  parseDuration,
  policyFile,
  progress,
  writeOut,
} from "@scidex/audit-command";
import { openSink, type Sink, SinkError } from "@scidex/audit-sinks";
import { parseSeq, parseShard } from "../command/argv.ts";
import { usage } from "../command/errors.ts";
import { readPolicy } from "../command/files.ts";
import { parseKeys, readKeys } from "../command/keys.ts";
import { readTrustPolicy } from "../command/trust-policy.ts";
import { describeReport } from "../report/describe-report.ts";
import { formatReport } from "../report/verification-report.ts";
import { readSeal, sealedReport } from "../shards/seal-run.ts";
import { BUNDLE_CHECKS, verifyBundle } from "./verify-bundle.ts";

/** What goes with `--bundle`. */
const ALLOWED = new Set(["bundle", "policy", "maxHeadAge", "shard", "cut", "run", "json"]);

interface BundleFlags {
  readonly bundle: string;
  readonly policy?: string;
  readonly maxHeadAge?: string;
  readonly shard?: string;
  readonly cut?: string;
  readonly run?: string;
  readonly json?: true;
}

/** `audit-verify --bundle DIR`: a log's files alone. */
export async function runBundle(flags: BundleFlags, signal: CommandContext["signal"]): Promise<Outcome> {
  const other = Object.keys(flags).find((name) => !ALLOWED.has(name));
  if (other !== undefined)
    throw usage(
      `--bundle verifies files alone, links and heads: leave --${other.replaceAll(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`)} out`,
    );
  const maxHeadAgeMs = flags.maxHeadAge === undefined ? undefined : parseDuration(flags.maxHeadAge);
  const shard = parseShard(flags.shard);
  const cutSeq = parseSeq("--cut", flags.cut);
  if (cutSeq !== undefined && shard === undefined) throw usage("--cut is for shards: it goes with --shard");
  const seal = readSeal(flags);
  const keys = await readKeys();
  if (keys.length === 0) throw usage("AUDIT_VERIFIER_KEYS is not set; expected the log's two verifier keys");
  const pinned = flags.policy ?? policyFile();
  const policy = pinned === undefined ? null : await readPolicy(pinned);
  const witnesses = await readTrustPolicy(parseKeys(keys));
  const sink = openBundle(flags.bundle, signal);
  const line = progress({ label: "verify" });
  try {
    const options = { maxHeadAgeMs, shard, cutSeq };
    const { report, shard: part } = await verifyBundle(
      sink,
      { origin: origin(), keys, witnesses, policy },
      { ...options, signal, onProgress: (rows) => line.update(rows) },
    );
    line.done();
    const asked = {
      options: { ...options, checks: BUNDLE_CHECKS },
      trust: { keys },
      about: { origin: origin() ?? policy?.origin ?? null },
      files: { state: undefined },
      policyFile: pinned,
      version: report.verifier,
    };
    const json =
      part === null || seal === undefined ? formatReport(report) : await sealedReport(report, part, seal, asked);
    await writeOut(flags.json === true ? `${json}\n` : describeReport(report));
    return { exit: { intact: EXIT.ok, tampered: EXIT.tampered, unproven: EXIT.failed }[report.status] };
  } finally {
    line.done();
    await sink.close();
  }
}

/** @param place a folder, or the URL of a bucket */
function openBundle(place: string, signal: AbortSignal): Sink {
  try {
    return openSink(place.startsWith("s3://") ? place : `tiles:${encodeURI(resolve(place)).replaceAll("?", "%3F")}`, {
      signal,
    });
  } catch (error) {
    if (error instanceof SinkError) throw usage(`--bundle: ${error.message}`);
    throw error;
  }
}
