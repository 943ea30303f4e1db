import { formatSeconds, type ProvenEvent, type Role, splitKind } from "@scidex/audit-core";

/** What a proof has shown, in words. It was recorded: whether it still is so, no proof can say. */
export const recordedLine = ({ leaf, origin, size, signedTime }: ProvenEvent): string =>
  `${leaf.eventKind} ${leaf.eventPk} was recorded at ${leaf.appendedAt} as link ${leaf.seq} of ${origin}, whose ${size} links were signed at ${formatSeconds(signedTime)}.`;

/** What an event says that is not a row's first one; a first one's proof says nothing of what came later. */
export function roleLine({ leaf }: ProvenEvent): string[] {
  const { role } = splitKind(leaf.eventKind);
  return role === null ? [] : [ROLES[role]];
}

const ROLES: Readonly<Record<Role, string>> = {
  insert: "Its row was inserted with a key that a deleted row had before.",
  update: "It is a change: what was recorded is the row after it. Each later change is an event of its own.",
  delete: "It says that a row was deleted: what was recorded is the row as it was then.",
  record: "It says that a row was recorded anew after its table's shape had changed, and which hash it had before.",
  backfill: "It is about rows that were in their table before it was audited.",
  retire:
    "It says that a row left by its table's retention: what was recorded is the row as it was then. It is not there now.",
  erase:
    "It says that a row was erased, by whoever may. Who kept a copy can still show that it is that row, unless its salt is gone too.",
  restore: "It says that a row was put back: what was recorded is the row as it was before it was lost.",
};

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
  return [`That tree was cosigned by ${names}, the quorum ${witnessed.quorum} of the trust policy.`];
}
