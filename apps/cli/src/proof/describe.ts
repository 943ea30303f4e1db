import { escapeText } from "@scidex/audit-command";
import { formatSeconds, type ProvenEvent } from "@scidex/audit-core";

/** What a proof has shown, in words. It was recorded: whether it still is so, no proof can say. */
export const recordedLine = ({ leaf, origin, size, signedTime }: ProvenEvent): string =>
  escapeText(
    `${leaf.eventKind} ${leaf.eventPk} was recorded at ${leaf.appendedAt} as link ${leaf.seq} of ${origin}, whose ${size} links were signed at ${formatSeconds(signedTime)}.`,
  );

/** Who has cosigned its checkpoint, where a trust policy was given. */
export function witnessedLine({ witnessed }: ProvenEvent): string[] {
  if (witnessed === null) return [];
  if (witnessed.quorum === "none")
    return [
      "The trust policy has quorum none: no witness need have seen that tree, and somebody else may be shown another.",
    ];
  const names = witnessed.cosigned.map(({ witness }) => witness.name).join(", ");
  return [escapeText(`That tree was cosigned by ${names}, the quorum ${witnessed.quorum} of the trust policy.`)];
}
