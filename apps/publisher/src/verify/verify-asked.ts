import { currentMember } from "@scidex/audit-command";
import { CoreError, headTrust, type HeadTrust, type Seconds, type Seq } from "@scidex/audit-core";
import { newestHeadBefore, type VerifierState } from "@scidex/audit-reader";
import type { Sink } from "@scidex/audit-sinks";
import { type Verification, verify } from "@scidex/audit-verifier";
import { openPublisherSinks } from "../sinks/open-sinks.ts";
import { clonesOf } from "../state/key-file.ts";
import type { VerifyAndAlertOptions } from "./verify-and-alert-options.ts";

/**
 * Verifies what the options ask for: everything, or from a published head on.
 *
 * @param state what was remembered of the verification before
 */
export async function verifyAsked(options: VerifyAndAlertOptions, state: VerifierState): Promise<Verification> {
  const {
    database,
    origin,
    keys,
    witnesses,
    policy,
    checks,
    maxHeadAgeMs,
    allowUnanchored,
    proveFindings,
    onProgress,
    signal,
  } = options;
  const sinks = openPublisherSinks(options.sinks, { folder: clonesOf(options.stateFile ?? options.alertMemory) });
  try {
    // Of several databases each is read by one: they are beside each other already.
    const jobs = currentMember() === undefined ? undefined : 1;
    const startSeq = await findStart(sinks, options);
    return await verify(
      database,
      { origin, keys, heads: sinks, witnesses, policy, state },
      { checks, maxHeadAgeMs, allowUnanchored, proveFindings, onProgress, signal, startSeq, jobs },
    );
  } finally {
    await Promise.all(sinks.map(async (sink) => sink.close()));
  }
}

/**
 * The seq of the newest head that is old enough; undefined where everything is verified, also because the log is younger.
 *
 * It is that head's own link, so that it is held against the head too: behind it, a chain that was cut below would just
 * have nothing to show.
 */
async function findStart(
  sinks: readonly Sink[],
  { sinceHeadMs, keys = [], origin, policy }: VerifyAndAlertOptions,
): Promise<Seq | undefined> {
  if (sinceHeadMs === undefined) return undefined;
  const trust = trustUnlessBroken(keys, origin ?? policy?.origin ?? undefined);
  if (trust === undefined) return undefined;
  const cutoff: Seconds = BigInt(Math.floor((Date.now() - sinceHeadMs) / 1_000));
  const followed = new Set(policy?.logs?.map(({ statement }) => statement));
  return (await newestHeadBefore(sinks, { ...trust, followed }, cutoff))?.seq;
}

/** Undefined where a key cannot be read: the verification itself says so. */
function trustUnlessBroken(keys: readonly string[], origin: string | undefined): HeadTrust | undefined {
  try {
    return headTrust(keys, origin);
  } catch (error) {
    if (error instanceof CoreError) return undefined;
    throw error;
  }
}
