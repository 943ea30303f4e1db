import {
  describeMissing,
  type Head,
  type HeadTrust,
  parseHeadLine,
  type Seq,
  type TrustPolicy,
  withCosignatures,
  type Witnessed,
  witnessedBy,
} from "@scidex/audit-core";
import type { Leaves } from "@scidex/audit-sinks";
import type { WitnessedTrees } from "../state/witnessed-trees.ts";
import { type Asked, askWitness } from "./ask-witness.ts";
import { Extension } from "./extension.ts";
import type { Witness } from "./witness.ts";

/** What came of asking all. */
export interface Cosigned {
  /** The signed head, with the cosignatures in its checkpoint. */
  readonly line: string;
  readonly asked: readonly Asked[];
  readonly trees: WitnessedTrees;
  /** How it stands to the trust policy. */
  readonly witnessed: Witnessed;
}

/** Whom to ask, and by what they are judged. */
export interface Witnesses {
  readonly list: readonly Witness[];
  readonly policy: TrustPolicy;
  readonly timeoutMs: number;
}

/**
 * Asks all witnesses at once to cosign a signed head, which the state has by then. None of them keeps the others, or the
 * publication, waiting for longer than its answers may take.
 *
 * @param last the head before, whose frontier is known
 */
export async function askWitnesses(
  { list, policy, timeoutMs }: Witnesses,
  { line, head }: { readonly line: string; readonly head: Head },
  known: { readonly trees: WitnessedTrees; readonly last: Head | undefined },
  {
    trust,
    leaves,
    signal,
  }: { readonly trust: HeadTrust; readonly leaves: Leaves; readonly signal: AbortSignal | undefined },
): Promise<Cosigned> {
  const frontiers = [...Object.values(known.trees), ...(known.last === undefined ? [] : [known.last.frontier])];
  const extension = new Extension(head, frontiers, leaves);
  const asked = await Promise.all(
    list.map(async (witness) =>
      askWitness(witness, head, known.trees[witness.name]?.size ?? null, { extension, timeoutMs, signal }),
    ),
  );
  const cosigned = withCosignatures(
    line,
    asked.flatMap(({ cosignatures }) => cosignatures),
  );
  const { checkpoint } = parseHeadLine(cosigned, trust);
  const seen = asked.filter(({ status }) => status === "cosigned").map(({ name }) => [name, head.frontier] as const);
  return {
    line: cosigned,
    asked,
    trees: { ...known.trees, ...Object.fromEntries(seen) },
    witnessed: witnessedBy(checkpoint, policy, trust.verifiers),
  };
}

/** What an operator should hear of it. */
export function warningsOf({ asked, witnessed }: Cosigned, seq: Seq): string[] {
  return [
    ...asked.flatMap(({ name, message }) =>
      message === null ? [] : [`the witness ${name} has not cosigned: ${message}`],
    ),
    ...(witnessed.isMet
      ? []
      : [
          `the head of ${seq} links is published, and not valid by the trust policy: ${describeMissing(witnessed)}. Verifiers that have this policy report witness_missing until a head is`,
        ]),
  ];
}
