import { escapeText } from "@scidex/audit-command";
import { formatSeconds, type ProvenEvent } from "@scidex/audit-core";

/** What a proof has shown, in words. It was recorded: whether it still is so, no proof can say. */
export const recordedLine = ({ leaf, origin, size, signedTime }: ProvenEvent): string =>
  escapeText(
    `${leaf.eventKind} ${leaf.eventPk} was recorded at ${leaf.appendedAt} as link ${leaf.seq} of ${origin}, whose ${size} links were signed at ${formatSeconds(signedTime)}.`,
  );
