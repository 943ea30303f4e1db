import { createHash } from "node:crypto";
import { captureSource } from "@scidex/audit-core";
import { CONFIG_KIND, type Config, type KindHistory, splitRelation } from "../../coverage/config.ts";
import type { ReportFinding } from "@scidex/audit-reader";
import type { Policy, TablePolicy } from "../../coverage/policy.ts";
import { type Catalog, findRelation, type RelationRow, type TriggerRow } from "../catalog/catalog.ts";
import { compareTriggerFlag } from "./compare-flags.ts";
import { functionDifferences, reportFunction } from "./compare-functions.ts";
import { sourceHash } from "../describe/describe-function.ts";
import { persistence } from "../describe/describe-relation.ts";
import {
  BEFORE,
  DELETE,
  describeLiveTrigger,
  describeTrigger,
  INSERT,
  isOff,
  offName,
  ROW,
  TRUNCATE,
  type TriggerShape,
  UPDATE,
} from "../describe/describe-trigger.ts";
import type { FunctionShape, SchemaShape } from "../manifest.ts";
import { childEntry, isRecorded, quotedRelation, ruleEntry, withoutPrinting } from "../../coverage/present.ts";

/** How the names of capture functions begin. */
export const CAPTURE_PREFIX = "audit_chain_capture_";

/** Name of a kind's capture function, as `audit_chain_capture_name` makes it. */
export const captureName = (kind: string): string =>
  `${CAPTURE_PREFIX}${createHash("sha256").update(kind).digest("hex").slice(0, 16)}`;

/** The configurations of tables; that of the configuration itself is in the manifest. */
const ofTables = (histories: ReadonlyMap<string, KindHistory>): KindHistory[] =>
  [...histories.values()].filter(({ kind }) => kind !== CONFIG_KIND);

/** Signatures of the capture functions that may be there: detached tables keep theirs. */
export const captureSignatures = (histories: ReadonlyMap<string, KindHistory>): ReadonlySet<string> =>
  new Set(ofTables(histories).map(({ kind }) => `${captureName(kind)}()`));

/**
 * Compares the audited tables, their triggers and capture functions with the configuration in force. Two things only a
 * policy says: whether a table had row security when it was pinned, and which of its partitions had a guard against
 * TRUNCATE.
 *
 * @returns warnings, and what could not be judged
 */
export function compareAudited(
  catalog: Catalog,
  manifest: SchemaShape,
  functions: ReadonlyMap<string, FunctionShape>,
  histories: ReadonlyMap<string, KindHistory>,
  policy: Policy | null,
  report: ReportFinding,
): { warnings: string[]; unproven: string[] } {
  const warnings: string[] = [];
  const unproven: string[] = [];
  for (const { kind, current } of ofTables(histories)) {
    const place = splitRelation(current.relation);
    const relation = place === null ? undefined : findRelation(catalog, place.schema, place.name);
    const isTable = relation?.kind === "r" || relation?.kind === "p";
    compareCapture(manifest, functions, current, isTable ? relation.kind === "p" : null, report);
    // A table that is not there, or not a table, is `source_missing`.
    if (current.action === "detach" || relation === undefined || !isTable) continue;
    const pinned = policy?.tables.get(current.relation);
    unproven.push(...compareTable(catalog, current, relation, pinned, report));
    const expected = expectedTriggers(kind, current.changes, relation.kind === "p");
    compareTriggers(catalog, { config: current, relation, expected, pinned }, warnings, report);
  }
  return { warnings, unproven };
}

/** `isPartitioned` null: the table is not there, so that either form will do. */
function compareCapture(
  manifest: SchemaShape,
  functions: ReadonlyMap<string, FunctionShape>,
  config: Config,
  isPartitioned: boolean | null,
  report: ReportFinding,
): void {
  const name = `${captureName(config.kind)}()`;
  const actual = functions.get(name);
  const template = manifest.functions[`${captureName(CONFIG_KIND)}()`];
  if (template === undefined) return;
  const possible = (isPartitioned === null ? [true, false] : [isPartitioned]).map((partitioned) => ({
    ...template,
    source: sourceHash(captureSource({ ...config, rowWise: partitioned || config.changes === "track" })),
  }));
  const [expected] = possible;
  if (actual === undefined) {
    if (config.action === "detach") return;
    report({
      check: "function_changed",
      eventKind: config.kind,
      expected: `the capture function of ${config.relation}`,
      actual: "none",
      message: `the function public.${name}, which captures ${config.relation}, is missing`,
    });
    return;
  }
  if (expected === undefined || possible.some((shape) => functionDifferences(shape, actual).length === 0)) return;
  reportFunction(name, expected, actual, config.kind, report);
}

/** The triggers that attach makes, by name. */
export function expectedTriggers(
  kind: string,
  changes: "refuse" | "track",
  isPartitioned: boolean,
): ReadonlyMap<string, TriggerShape> {
  const made = { function: `public.${captureName(kind)}` };
  const truncate = ["audit_chain_guard_truncate", { ...made, type: BEFORE | TRUNCATE }] as const;
  if (changes === "track")
    return new Map([["0_audit_chain_track", { ...made, type: ROW | INSERT | UPDATE | DELETE }], truncate]);
  return new Map<string, TriggerShape>([
    [
      "audit_chain_capture",
      isPartitioned ? { ...made, type: ROW | INSERT } : { ...made, type: INSERT, newTable: "audit_chain_new" },
    ],
    ["audit_chain_guard", { ...made, type: ROW | UPDATE | DELETE }],
    truncate,
  ]);
}

/** Oids of the tables that are audited now, and of their partitions and children. */
export function auditedRelations(catalog: Catalog, histories: ReadonlyMap<string, KindHistory>): ReadonlySet<string> {
  return new Set(
    ofTables(histories).flatMap(({ current }) => {
      const place = current.action === "detach" ? null : splitRelation(current.relation);
      const relation = place === null ? undefined : findRelation(catalog, place.schema, place.name);
      return relation === undefined ? [] : [relation, ...partitionsOf(catalog, relation.oid)].map(({ oid }) => oid);
    }),
  );
}

const nameOf = (catalog: Catalog, relation: RelationRow): string =>
  `${catalog.schemas.get(relation.schema)?.name ?? ""}.${relation.name}`;

/** All partitions of a relation, sub-partitions included. */
function partitionsOf(catalog: Catalog, oid: string): RelationRow[] {
  const tree = new Set([oid]);
  for (const parent of tree) for (const i of catalog.inheritance) if (i.parent === parent) tree.add(i.child);
  tree.delete(oid);
  return [...tree].flatMap((child) => catalog.relations.get(child) ?? []);
}

/**
 * Unlogged, with rules, children that no trigger sees, or a partition of something else. Rules and children that were
 * there when the table was attached are known; what came later, or changed, is not.
 *
 * @returns what could not be judged
 */
function compareTable(
  catalog: Catalog,
  config: Config,
  relation: RelationRow,
  pinned: TablePolicy | undefined,
  report: ReportFinding,
): string[] {
  const unproven: string[] = [];
  const changed = (message: string, expected: string, actual: string) =>
    report({ check: "relation_changed", eventKind: config.kind, expected, actual, message });
  for (const column of catalog.columns) {
    if (column.relation !== relation.oid || !config.columns.includes(column.name)) continue;
    // What reads a virtual column is computed anew for each reader, by functions that may know who asks.
    if (column.generated !== "")
      changed(
        `the column ${column.name} of ${config.relation} is generated, and was recorded as a plain one`,
        "a plain column",
        column.generated === "v" ? "a virtual column" : "a generated column",
      );
    if (!column.hasLayoutOfType)
      changed(
        `the column ${column.name} of ${config.relation} is not stored as its type is`,
        "length and alignment of its type",
        "others",
      );
  }
  if (relation.isPartition)
    changed(
      `${config.relation} has become a partition of another table: rows that come through that one are not captured`,
      "not a partition",
      "a partition",
    );
  const parts = partitionsOf(catalog, relation.oid);
  if (relation.kind === "r") {
    for (const child of parts)
      if (isRecorded(childEntry(quotedNameOf(catalog, child)), config.present) === "no")
        changed(
          `${config.relation} has the inheritance child ${nameOf(catalog, child)}: queries see its rows, capture does not`,
          "no children",
          nameOf(catalog, child),
        );
  }
  // Row security that was there when the policy was pinned is the owner's business. Without a policy it is too, as
  // nothing else remembers. Where it hides rows from the verifier, the table is unproven.
  for (const table of [relation, ...(relation.kind === "p" ? parts : [])]) {
    const name = table === relation ? config.relation : `${nameOf(catalog, table)}, a partition of ${config.relation},`;
    if (table.rowSecurity && pinned?.rowSecurity === false)
      changed(
        `${name} has row security, and had none when the policy was pinned: it can hide rows from applications`,
        "no row security",
        "row security",
      );
    if (table.persistence !== "p")
      changed(`${name} is ${persistence(table)}: its rows are gone after a crash`, "permanent", persistence(table));
    if (table.kind !== "r" && table.kind !== "p")
      changed(`${name} is not a table: its rows are somewhere else`, "a table", `a relation of the kind ${table.kind}`);
    for (const rule of catalog.rules.filter(
      (r) => r.relation === table.oid && (table.kind === "r" || table.kind === "p"),
    )) {
      const entry = ruleEntry(quotedNameOf(catalog, table), rule, catalog.majorVersion);
      const recorded = isRecorded(entry, config.present);
      if (recorded === "no")
        changed(
          `${name} has the rule ${rule.name}, which can turn an INSERT into something else, and which was not there in this form when it was attached`,
          config.present.find((one) => withoutPrinting(one) === withoutPrinting(entry)) ?? "no such rule",
          rule.definition,
        );
      else if (recorded === "unknown")
        unproven.push(
          `${name}: the rule ${rule.name} was recorded under another major version of PostgreSQL, which may print it differently; run audit-chain attach ${config.relation}`,
        );
    }
  }
  return unproven;
}

const quotedNameOf = (catalog: Catalog, relation: RelationRow): string =>
  quotedRelation(catalog.schemas.get(relation.schema)?.name ?? "", relation.name);

function compareTriggers(
  catalog: Catalog,
  table: {
    readonly config: Config;
    readonly relation: RelationRow;
    readonly expected: ReadonlyMap<string, TriggerShape>;
    readonly pinned: TablePolicy | undefined;
  },
  warnings: string[],
  report: ReportFinding,
): void {
  const { config, relation, expected, pinned } = table;
  const parts = relation.kind === "p" ? partitionsOf(catalog, relation.oid) : [];
  const guarded = new Set(
    (pinned?.guarded ?? []).map((name) => {
      const place = splitRelation(name);
      return place === null ? name : `${place.schema}.${place.name}`;
    }),
  );
  for (const one of [relation, ...parts])
    compareTriggerFlag(catalog, { relation: one, name: nameOf(catalog, one), kind: config.kind }, report);
  for (const [name, shape] of expected) {
    compareTrigger(catalog, config, relation, name, shape, report);
    for (const part of parts) {
      // Row triggers of a partitioned table work by their clones on the partitions. Statement triggers have none: attach
      // makes them on the partitions that are there, and those that are made later have none until it is run again.
      // Nothing in the catalog tells these from one that has lost its guard: oids do not, for a dump that was restored
      // has made all tables before all triggers. So it is a finding where a policy has pinned the guard, else a warning.
      // What a guard would have refused is found in any case, as rows that are gone.
      const isThere = catalog.triggers.some((t) => t.relation === part.oid && t.name === name);
      if ((shape.type & ROW) !== 0 || isThere || guarded.has(nameOf(catalog, part)))
        compareTrigger(catalog, config, part, name, shape, report);
      else
        warnings.push(
          `${nameOf(catalog, part)} is not guarded against TRUNCATE: run audit-chain attach ${config.relation}`,
        );
    }
  }
}

function compareTrigger(
  catalog: Catalog,
  config: Config,
  relation: RelationRow,
  name: string,
  shape: TriggerShape,
  report: ReportFinding,
): void {
  const on = nameOf(catalog, relation);
  const expected = describeTrigger(shape);
  const trigger = catalog.triggers.find((t: TriggerRow) => t.relation === relation.oid && t.name === name);
  if (trigger === undefined) {
    report({
      check: "trigger_missing",
      eventKind: config.kind,
      expected,
      actual: "none",
      message: `${on} has lost its trigger ${name}`,
    });
    return;
  }
  const actual = describeLiveTrigger(catalog, trigger);
  if (actual !== expected)
    report({
      check: "trigger_changed",
      eventKind: config.kind,
      expected,
      actual,
      message: `the trigger ${name} of ${on} was changed`,
    });
  if (isOff(trigger))
    report({
      check: "trigger_disabled",
      eventKind: config.kind,
      expected: "enabled",
      actual: offName(trigger),
      message: `the trigger ${name} of ${on} is ${offName(trigger)}`,
    });
}
