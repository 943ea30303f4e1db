import { escapeText } from "@scidex/audit-command";
import { formatSeconds, type ProvenEvent } from "@scidex/audit-core";

/** What a proof has shown, in words. It was recorded: whether it still is so, no proof can say. */
export const recordedLine = ({ leaf, origin, size, signedTime }: ProvenEvent): string =>
  escapeText(
    `${leaf.eventKind} ${leaf.eventPk} was recorded at ${leaf.appendedAt} as link ${leaf.seq} of ${origin}, whose ${size} links were signed at ${formatSeconds(signedTime)}.`,
  );

/** What a reader should know of keys that have been replaced since. */
export function retiredLine({ retiredKey, witnessed }: ProvenEvent): string[] {
  if (retiredKey === null) return [];
  const { last, at } = retiredKey;
  const isCosigned = witnessed !== null && witnessed.quorum !== "none";
  return [
    `Its keys have been replaced since: their last head has ${last} links, and was signed at ${formatSeconds(at)}.${isCosigned ? "" : " Whoever has them now could have made this later; a proof with a newer checkpoint rules that out."}`,
  ];
}

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
