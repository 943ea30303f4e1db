import { type Head, type NoteVerifier, type TrustPolicy, witnessedBy } from "@scidex/audit-core";
import type { Finding } from "../finding/finding.ts";
import type { PublishedHead } from "./published-head.ts";

/** The head that was signed last, and what may have been cosigned of it. */
export interface NewestHead {
  readonly head: PublishedHead;
  /** Its checkpoint, a signed note, as each sink has it: they may have it with other cosignatures. */
  readonly notes: readonly string[];
  /** The keys by which it is the log's. */
  readonly own: readonly NoteVerifier[];
}

/** What no publisher puts into a log: it takes a witness's answer only where it is right. */
const FORGED: ReadonlySet<string> = new Set(["invalid", "twice", "time_zero"]);

/**
 * What is wrong with the cosignatures of a head by the policy's witnesses. Whether there are enough of them is asked of the
 * newest head alone: those before it may be older than the policy.
 */
export function checkCosignatures(
  { checkpoint }: Head,
  policy: TrustPolicy | undefined,
  own: readonly NoteVerifier[],
  where: string,
): Finding[] {
  if (policy === undefined) return [];
  return witnessedBy(checkpoint, policy, own)
    .miscounted.filter(({ reason }) => FORGED.has(reason))
    .map(({ witness, reason }) => ({
      check: "sink_signature",
      message: `${where} has a cosignature that its publisher would not have taken, by the witness ${JSON.stringify(witness.name)} of the trust policy (${reason})`,
    }));
}

/** The head that was signed last in any of the logs. */
export function newestOf(logs: readonly (NewestHead | undefined)[]): NewestHead | null {
  const there = logs.filter((one) => one !== undefined);
  const [newest] = there.toSorted(({ head: a }, { head: b }) =>
    a.signedTime === b.signedTime ? Number(b.seq - a.seq) : Number(b.signedTime - a.signedTime),
  );
  if (newest === undefined) return null;
  const same = there.filter(({ head }) => head.seq === newest.head.seq && head.signedTime === newest.head.signedTime);
  return { ...newest, notes: [...new Set(same.flatMap(({ notes }) => notes))] };
}
