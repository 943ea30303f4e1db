import { readFile } from "node:fs/promises";
import { shardSecret, trustPolicyFile } from "@scidex/audit-command";
import { parseVerifierKey, sha256, toHex } from "@scidex/audit-core";
import { usage } from "../command/errors.ts";
import type { VerificationReport } from "../report/verification-report.ts";
import { DEFAULT_CHECK_GROUPS, VERIFY_DEFAULTS, type VerifyOptions } from "../verify-options.ts";
import { formatShardReport } from "./shard-report.ts";
import type { VerifiedShard } from "./verified-shard.ts";

/** What a shard's report is bound to, and the secret that binds it. */
export interface ShardSeal {
  /** What the scheduler calls the run. */
  readonly run: string;
  readonly secret: string;
}

/**
 * How the report of a shard is sealed; undefined where it is not, and can be merged with no other.
 *
 * @throws {CommandError} `usage`, `configuration`
 */
export function readSeal(flags: {
  readonly run?: string | undefined;
  readonly shard?: string | undefined;
  readonly json?: boolean | undefined;
}): ShardSeal | undefined {
  const secret = shardSecret();
  const { run, shard, json } = flags;
  if (run === undefined) return undefined;
  if (shard === undefined || json !== true)
    throw usage("--run is for the reports of shards: it goes with --shard and --json");
  if (secret === undefined)
    throw usage("--run binds shards together by a secret that they share: set AUDIT_SHARD_SECRET");
  return { run, secret };
}

/** What a shard was asked, by whom it trusts. */
interface Asked {
  readonly options: VerifyOptions;
  readonly trust: { readonly keys?: readonly string[] | undefined };
  readonly about: { readonly origin: string | null };
  readonly files: { readonly state: string | undefined };
  readonly policyFile: string | undefined;
  readonly version: string;
}

/** The line of a sealed report. */
export async function sealedReport(
  report: VerificationReport,
  { startsAfter, tracked, sums, ...found }: VerifiedShard,
  { run, secret }: ShardSeal,
  { options, trust, about, files, policyFile, version }: Asked,
): Promise<string> {
  const { number = 1, of = 1 } = options.shard ?? {};
  const bound = {
    run,
    of,
    from: options.startSeq ?? 1n,
    to: options.endSeq ?? null,
    checks: [...(options.checks ?? DEFAULT_CHECK_GROUPS)].toSorted(),
    origin: about.origin,
    keys: (trust.keys ?? []).map((key) => nameOf(key)).toSorted(),
    policy: await digestOf(policyFile),
    trustPolicy: await digestOf(trustPolicyFile()),
    hasState: files.state !== undefined,
    allowUnanchored: options.allowUnanchored === true,
    maxHeadAgeMs: options.maxHeadAgeMs ?? VERIFY_DEFAULTS.maxHeadAgeMs,
    ...found,
    version,
  };
  return formatShardReport(report, { number, of, startsAfter, tracked, sums, bound }, secret);
}

const digestOf = async (file: string | undefined): Promise<string | null> =>
  file === undefined ? null : toHex(sha256(await readFile(file)));

function nameOf(vkey: string): string {
  const { name, keyId } = parseVerifierKey(vkey);
  return `${name}+${keyId.toString(16).padStart(8, "0")}`;
}
