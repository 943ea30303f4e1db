import type { Finding, CheckGroup } from "@scidex/audit-reader";

/** A check in words: what a finding of it is, and what it means for whoever looks. */
export interface CheckName {
  readonly title: string;
  readonly meaning: string;
}

/** The groups of checks, in the order in which they are told, and what it means when one holds. */
export const CHECK_GROUP_MEANINGS: Readonly<Record<CheckGroup, string>> = {
  links: "Every link fits its own hashes and the link before it.",
  heads: "The chain is the one whose heads were signed and published.",
  sources: "The audited rows are those that were recorded.",
  access: "Applications get the rows that were recorded: no index, bound or constraint lies about them.",
  coverage: "Nothing that was audited has been taken out of the audit.",
  structure: "Tables, triggers, functions and rights are as they were installed.",
};

const CHECKS: Readonly<Record<Finding["check"], CheckName>> = {
  gap: { title: "Links are missing", meaning: "Rows were deleted from the chain: seqs run without gaps." },
  duplicate: { title: "A link or event is there twice", meaning: "Each seq and each event can be in the chain once." },
  prev_hash: {
    title: "A link does not follow the one before",
    meaning: "The link, or the one before it, was changed, inserted or exchanged.",
  },
  chain_hash: {
    title: "A chain hash does not fit its link",
    meaning: "The link's hashes or its seq were changed after it had been written.",
  },
  event_hash: {
    title: "A link's labels were changed",
    meaning: "The event hash does not fit the kind, key, time and payload hash that stand beside it.",
  },
  truncated: {
    title: "The end of the chain was cut off",
    meaning: "A published head says that the chain was longer: its newest links, or an older copy, are not all there.",
  },
  head_mismatch: {
    title: "The chain was rewritten",
    meaning: "Between these two published heads, the links are not those that were signed. Their hashes may all fit.",
  },
  time_implausible: {
    title: "A link has a false time",
    meaning: "It says that it was written at a time at which the published heads did not have it, or already had it.",
  },
  sink_signature: {
    title: "A published line is not genuine",
    meaning: "A sink holds a line that the publisher did not sign for this log, or did not put there.",
  },
  sink_disagreement: {
    title: "Two sinks tell different stories",
    meaning: "Everything is published to all of them: one of the two was changed.",
  },
  sink_rewound: {
    title: "A sink was cut back",
    meaning: "It held more, or something else, when it was last verified.",
  },
  retired_key: {
    title: "A key signed after it was replaced",
    meaning: "Somebody holds the old key, and has signed with it beside the log; or an old line was put there again.",
  },
  publisher_silent: {
    title: "The publisher has fallen silent",
    meaning: "It was stopped, or its heads do not arrive. Until it signs again, new links can be rewritten unseen.",
  },
  witness_missing: {
    title: "The witnesses have not cosigned the newest head",
    meaning:
      "Without them nobody can say that everybody is shown the same log: they were not asked, or were shown another.",
  },
  verdict_overdue: {
    title: "No verdict for too long",
    meaning: "Verifications could not prove everything, or did not run, for longer than the policy allows.",
  },
  source_edited: {
    title: "Rows were changed",
    meaning: "The row is not what was recorded when it was written: it was edited past the audit.",
  },
  source_deleted: { title: "Rows were deleted", meaning: "The chain has the event, but its row is gone." },
  source_unchained: {
    title: "Rows were inserted past the audit",
    meaning: "The table has rows that nothing recorded: the trigger was off, or went unused.",
  },
  change_unrecorded: {
    title: "A change met a row that was not recorded",
    meaning: "Before this event the row was changed past the audit. What was recorded since builds on that.",
  },
  change_refused: {
    title: "Rows that refuse changes were changed",
    meaning: "Somebody went past the guard. The write-ahead log shows what was done.",
  },
  source_missing: {
    title: "An audited table is gone",
    meaning: "It was dropped, renamed, or something else stands in its place.",
  },
  access_mismatch: {
    title: "Applications get other rows than the table has",
    meaning: "An index, a partition's bounds or a constraint lead past this row, or to something that it does not say.",
  },
  capture_gap: {
    title: "A part of the write-ahead log was not captured",
    meaning: "What was written meanwhile into tables of the mode stream may not have been recorded.",
  },
  coverage_narrowed: {
    title: "Less is audited than before",
    meaning: "The configuration was changed so that something is left out, and no policy allows it.",
  },
  relation_changed: {
    title: "A table is not as it must be",
    meaning: "Its shape, its rules or its storage let rows in, out or past the audit.",
  },
  relation_shadowed: {
    title: "Another table stands in front of an audited one",
    meaning: "The application may be reading and writing a table that nobody audits.",
  },
  trigger_missing: { title: "A trigger is missing", meaning: "New rows are not captured, or old ones not guarded." },
  trigger_disabled: { title: "A trigger is disabled", meaning: "New rows are not captured, or old ones not guarded." },
  trigger_changed: { title: "A trigger was changed", meaning: "It does not do what it was installed to do." },
  function_changed: {
    title: "A function was replaced",
    meaning: "What captures and links rows is not what was shipped.",
  },
  privilege_widened: {
    title: "Somebody has too many rights",
    meaning: "A role can write where only the chain's owner may, or can become that owner.",
  },
  catalog_changed: {
    title: "The system catalog was changed",
    meaning: "Types or functions may show rows other than they are.",
  },
  index_mismatch: { title: "An index lies", meaning: "A query that uses it may not see all rows." },
};

/** A check in words; one that this page does not know by its name alone. */
export function checkName(check: string): CheckName {
  const names: Readonly<Record<string, CheckName>> = CHECKS;
  const known = Object.hasOwn(names, check) ? names[check] : undefined;
  return known ?? { title: check, meaning: "" };
}
