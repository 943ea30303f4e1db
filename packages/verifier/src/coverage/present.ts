import { createHash } from "node:crypto";

/**
 * What a configuration records as there when the table was attached (`audit_chain_present`, in SQL), and would be an
 * attack if it came later:
 *
 *     rule RELATION NAME ENABLED MAJOR SHA256
 *     child RELATION
 *     security RELATION
 *     path ROLE: SCHEMA
 *
 * Relations and names of rules are written as SQL quotes them. SHA256, in hex, is that of the rule's row: `ev_type`,
 * `is_instead` (`t`, `f`), `ev_qual` and `ev_action` as they stand in pg_rewrite, with two changes. Places in the
 * statement's text are left out. Numbers of five digits and more become `#`: they are oids of users' objects, which a
 * restored dump changes. MAJOR is the version of PostgreSQL whose row it is, since another writes trees differently.
 */
export type PresentEntry = string;

/** A rule of an audited table. */
export const ruleEntry = (
  relation: string,
  rule: { readonly name: string; readonly enabled: string; readonly definition: string },
  majorVersion: number,
): PresentEntry =>
  `rule ${relation} ${quoted(rule.name)} ${rule.enabled} ${majorVersion} ${createHash("sha256").update(withoutPlaces(rule.definition)).digest("hex")}`;

/** What a dump and a restore leave as it is. */
const withoutPlaces = (tree: string): string =>
  tree.replaceAll(/ :[a-z_.]*(?:location|stmt_len|list_start|list_end) -?[0-9]+/gu, "").replaceAll(/[0-9]{5,}/gu, "#");

/** An inheritance child of an audited table. */
export const childEntry = (relation: string): PresentEntry => `child ${relation}`;

/** Row security of an audited table or of one of its partitions. */
export const securityEntry = (relation: string): PresentEntry => `security ${relation}`;

/** A role with a right on the table that finds another one by its bare name, in this schema. */
export const pathEntry = (role: string, schema: string): PresentEntry => `path ${role}: ${schema}`;

/** As `quote_ident` writes it, but for the reserved words that it quotes too: see `isRecorded`. */
const quoted = (name: string): string => (/^[a-z_][a-z0-9_]*$/u.test(name) ? name : `"${name.replaceAll('"', '""')}"`);

/** A relation as the entries name it. */
export const quotedRelation = (schema: string, name: string): string => `${quoted(schema)}.${quoted(name)}`;

/** Without the quotes around plain names, which only `quote_ident` knows to be reserved words. */
const plain = (entry: PresentEntry): string => entry.replaceAll(/"([a-z_][a-z0-9_]*)"/gu, "$1");

/** An entry without what another major version may print differently. */
export const withoutPrinting = (entry: PresentEntry): string => plain(entry).replace(/ (?:\d+) [0-9a-f]{64}$/u, "");

/** The major version that printed a rule. */
const majorOf = (entry: PresentEntry): string | undefined => / (\d+) [0-9a-f]{64}$/u.exec(entry)?.[1];

/**
 * Whether what is there has been recorded: `yes`; `no`, where it came or changed since; `unknown` for a rule that another
 * major version of PostgreSQL has printed.
 */
export function isRecorded(entry: PresentEntry, recorded: readonly PresentEntry[]): "yes" | "no" | "unknown" {
  if (recorded.some((one) => plain(one) === plain(entry))) return "yes";
  const same = recorded.filter((one) => withoutPrinting(one) === withoutPrinting(entry));
  return same.some((one) => majorOf(one) !== majorOf(entry)) ? "unknown" : "no";
}
