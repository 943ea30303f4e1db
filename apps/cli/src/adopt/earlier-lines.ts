import { jsonForm } from "@scidex/audit-core";
import type { EarlierLinks, EarlierRows } from "@scidex/audit-schema";

/** What the links of an earlier chain are like, for `--json`. */
export const foundInEarlier = ({ asBytes, asText, afterGap, ...links }: EarlierLinks) =>
  jsonForm({ ...links, seqAsBytes: asBytes, seqAsText: asText, afterGap });

/** The same for people. */
export function earlierLinksLines({ rows, asBytes, asText, wrong, forked, broken, afterGap }: EarlierLinks): string[] {
  const formula = asBytes >= asText ? "8 bytes" : "digits";
  const fitting = `Of its ${rows} links ${asBytes + asText} have the chain hash of their members (SHA-256 of prev_hash, event_hash and seq as ${formula})`;
  const found = [
    told(wrong, "have another chain hash: they were changed, or made by another formula"),
    told(forked, "follow a link that another one follows too: two writers had read the same head"),
    told(broken, "do not follow the link before them: one of the two was changed, or is gone"),
    told(afterGap, "come after a seq that is not there: a transaction was rolled back, or a link was deleted"),
  ].flat();
  return found.length === 0
    ? [`${fitting}, and each follows the one before.`]
    : [
        `${fitting}.`,
        ...found,
        "They are chained as they were found: nothing that happened before now is proven by that.",
      ];
}

const told = ({ rows, first }: EarlierRows, what: string): string[] =>
  rows === 0 ? [] : [`warning: ${rows} links ${what}; the first is seq ${first ?? "?"}`];
