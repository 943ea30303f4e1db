import { formatTime, type Micros, microsOfSeconds, type Seq } from "@scidex/audit-core";
import {
  CLOCK_TOLERANCE_MICROS,
  describeServer,
  type Finding,
  type Findings,
  isNamedOtherwise,
  isOtherCluster,
  type KnownServer,
  type PublishedHead,
  type PublishedHeads,
} from "@scidex/audit-reader";
import { parseIsoDuration } from "./coverage/iso-duration.ts";
import type { Policy } from "./coverage/policy.ts";
import type { Observations } from "./report/observations.ts";

/**
 * Before it accuses, the verifier asks whether the cause is its own: another database, its own clock, a standby that lags.
 * Each excuse rests on what an attacker with full write authority over the database cannot make up: signed times, the URL
 * that we connect to, what the server reports natively. None covers a chain that fits a published head, and all end when
 * no full verdict has come within the policy's bound.
 */

/**
 * Why this machine's clock cannot be believed: a head was signed later than it says. Undefined where nothing speaks against
 * it. A clock that is ahead cannot be told from a publisher that is silent.
 */
export function clockDoubt(now: Micros, { newestTime }: PublishedHeads): string | undefined {
  const signed = microsOfSeconds(newestTime ?? 0n);
  if (signed <= now + CLOCK_TOLERANCE_MICROS) return undefined;
  return `this machine's clock says ${formatTime(now)}, and a head was signed at ${formatTime(signed)}, which is later: correct the clock here, or the one of the publisher. The times of the links are not judged`;
}

/**
 * Whether a standby may lack links because it lags. Not where it has replayed what was committed long after a head was signed
 * that covers one of them: then they are gone on the primary too.
 *
 * @param missing the first link that is not there
 * @param replayedUntil commit time of the last transaction that it has replayed; null where it does not say
 */
export function mayLag(
  missing: Seq,
  { heads }: { readonly heads: readonly Pick<PublishedHead, "seq" | "signedTime">[] },
  replayedUntil: Micros | null,
): boolean {
  const covering = heads.find(({ seq }) => seq >= missing);
  if (covering === undefined || replayedUntil === null) return true;
  return replayedUntil <= microsOfSeconds(covering.signedTime + 1n) + CLOCK_TOLERANCE_MICROS;
}

/** A standby has not replayed yet what was published. @param finding `truncated` */
export function lagReason({ actual, expected }: Finding): string {
  return `this server is a standby (it reports in_hot_standby) and lags behind: it has ${actual ?? "fewer links"}, and ${expected ?? "more"} were published. Wait until it has replayed them, or verify the primary`;
}

/**
 * Why the findings of a look say nothing of the published chain: it was another database. Undefined where the chain is the
 * published one, or where nothing outside the database shows that it is another.
 *
 * Outside is the name in our own URL, which a rename in the database does not change. The system identifier comes from the
 * server: where its functions were found to be others, it is not believed.
 */
export function otherDatabase(found: Observations, known: KnownServer | null): string | undefined {
  const { server, published, chain, from, findings } = found;
  if (known === null || server === null || published === null || published.heads.length === 0) return undefined;
  if (chain.anchoredTo >= from) return undefined;
  const isAnother = isNamedOtherwise(known, server) || (isOtherCluster(known, server) && !isLiedTo(findings));
  if (!isAnother) return undefined;
  return `this is another database than the one whose heads were published: ${describeServer(server)}, and it was ${describeServer(known)} when it was last found intact. No published head fits here. Correct AUDIT_DATABASE_URL, or AUDIT_SINKS if they are those of another log. If the chain has moved here, what has been published is missing: restore it. Where an older backup is all that there is: docs/life.md (audit-publisher begin)`;
}

const isLiedTo = (findings: Findings): boolean =>
  findings
    .list()
    .some(
      ({ check, message }) =>
        check === "catalog_changed" || (check === "function_changed" && message.includes("pg_control_system")),
    );

/**
 * No full verification has ended in a verdict for longer than the policy allows: whatever has kept it from one, an
 * attacker may be behind it.
 *
 * @param now milliseconds since the Unix epoch
 */
export function overdueVerdict(policy: Policy | null, awaitedSince: number, now: number): Finding | undefined {
  const bound = policy?.verdict;
  const boundMs = bound === undefined ? undefined : parseIsoDuration(bound);
  if (boundMs === undefined || now - awaitedSince <= boundMs) return undefined;
  return {
    check: "verdict_overdue",
    expected: `a verdict on everything within ${bound}`,
    actual: `none since ${new Date(awaitedSince).toISOString()}`,
    message:
      "no full verification has ended in a verdict for longer than the policy allows. See what is not proven, and whether the nightly run runs: the cause may be there to hide something. If the clock here is wrong, correct it",
  };
}
