import { escapeMessage, writeError } from "@scidex/audit-command";
import { messageOf, usage } from "../command/errors.ts";
import type { VerificationReport } from "../report/verification-report.ts";
import { readNightKeys } from "./night-keys.ts";
import { type NightOf, type NightTarget, signVerification } from "./sign-verification.ts";

/** The options that say whether a run is signed. */
interface NightFlags {
  readonly sign?: string;
  readonly nights?: string;
  readonly from?: string;
  readonly to?: string;
  readonly shard?: string;
  readonly checks?: string;
  readonly state?: string;
}

/**
 * The keys and the place of a night; null where none is asked for.
 *
 * @throws {CommandError} `usage`, `configuration`
 */
export async function readNightTarget(flags: NightFlags): Promise<NightTarget | null> {
  const { sign, nights, from, to, shard, checks, state } = flags;
  if (sign === undefined && nights === undefined) return null;
  if (sign === undefined || nights === undefined) throw usage("--sign and --nights belong together");
  if ([from, to, shard, checks].some((option) => option !== undefined))
    throw usage("--sign is for full verifications: leave --from, --to, --shard and --checks out");
  const folder = state === undefined ? undefined : `${state}.clones`;
  return { keys: await readNightKeys(sign), keyFile: sign, url: nights, folder };
}

/** Adds the night that was asked for. Where that fails, it is said, and a finding is still a finding. */
export async function signRun(
  report: VerificationReport,
  { target, ...of }: Omit<NightOf, "report" | "now"> & { readonly target: NightTarget | null },
): Promise<boolean> {
  if (target === null) return true;
  try {
    await signVerification(target, { ...of, report, now: Date.now() });
    return true;
  } catch (error) {
    writeError(`error: the night was not signed: ${escapeMessage(messageOf(error))}\n`);
    return false;
  }
}
