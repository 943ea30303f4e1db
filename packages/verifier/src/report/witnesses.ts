import { formatSeconds, type Seq, type Witnessed } from "@scidex/audit-core";
import type { PublishedHead } from "@scidex/audit-reader";

/** How the newest head stands to the trust policy. */
export interface WitnessesReport {
  /** The head. */
  readonly seq: Seq;
  readonly publishedAt: string;
  /** The quorum's name in the policy; `none` where no witness is asked for. */
  readonly quorum: string;
  /** Whether the head is valid by the policy: signed by one of its logs, and cosigned by its quorum. */
  readonly met: boolean;
  /** Witnesses of the policy that have cosigned it: their names there, their keys' names, and when. */
  readonly cosigned: readonly { readonly name: string; readonly key: string; readonly at: string }[];
  /** Those whose cosignature counts for nothing, and why. */
  readonly notCounted: readonly { readonly name: string; readonly key: string; readonly reason: string }[];
}

/** What the report says of it. */
export const witnessesReport = (head: PublishedHead, witnessed: Witnessed): WitnessesReport => ({
  seq: head.seq,
  publishedAt: head.publishedAt,
  quorum: witnessed.quorum,
  met: witnessed.isMet,
  cosigned: witnessed.cosigned.map(({ witness: { name, verifier }, time }) => ({
    name,
    key: verifier.name,
    at: timeText(time),
  })),
  notCounted: witnessed.miscounted.map(({ witness: { name, verifier }, reason }) => ({
    name,
    key: verifier.name,
    reason,
  })),
});

/** A witness may have cosigned at a time that no calendar here has. */
function timeText(time: bigint): string {
  try {
    return formatSeconds(time);
  } catch {
    return `${time} s`;
  }
}

/** In words, for a terminal: nothing in it is escaped. */
export function describeWitnesses({ seq, quorum, cosigned }: WitnessesReport): string {
  const by = cosigned.map(({ name, at }) => `${name} at ${at}`).join(", ");
  const asked = quorum === "none" ? "quorum none: no witness is asked for" : `quorum ${quorum}`;
  return `seq ${seq} by ${by === "" ? "nobody" : by}; ${asked}`;
}
