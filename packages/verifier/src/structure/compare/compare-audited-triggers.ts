import { type Config, splitRelation } from "../../coverage/config.ts";
import type { ReportFinding } from "@scidex/audit-reader";
import type { Catalog, RelationRow, TriggerRow } from "../catalog/catalog.ts";
import { type AuditedTable, captureName, nameOf, partitionsOf } from "./audited-tables.ts";
import { compareTriggerFlag } from "./compare-flags.ts";
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

/**
 * Compares the triggers of an audited table, and of its partitions, with those that attach makes.
 *
 * @returns warnings
 */
export function compareAuditedTriggers(
  catalog: Catalog,
  { config, relation, pinned }: AuditedTable,
  report: ReportFinding,
): string[] {
  const warnings: string[] = [];
  const expected = expectedTriggers(catalog.place.schema, config, relation.kind === "p");
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
      else warnings.push(`${nameOf(catalog, part)} is not guarded against TRUNCATE: run audit-chain sync`);
    }
  }
  return warnings;
}

/** The triggers that attach makes, by name. */
function expectedTriggers(
  schema: string,
  { kind, changes, mode }: Config,
  isPartitioned: boolean,
): ReadonlyMap<string, TriggerShape> {
  const made = { function: `${schema}.${captureName(kind)}` };
  const truncate = ["audit_chain_guard_truncate", { ...made, type: BEFORE | TRUNCATE }] as const;
  const guard = ["audit_chain_guard", { ...made, type: ROW | UPDATE | DELETE }] as const;
  // The write-ahead log brings the rows.
  if (mode === "stream") return new Map<string, TriggerShape>(changes === "track" ? [truncate] : [guard, truncate]);
  if (changes === "track")
    return new Map([["0_audit_chain_track", { ...made, type: ROW | INSERT | UPDATE | DELETE }], truncate]);
  return new Map<string, TriggerShape>([
    [
      "audit_chain_capture",
      isPartitioned ? { ...made, type: ROW | INSERT } : { ...made, type: INSERT, newTable: "audit_chain_new" },
    ],
    guard,
    truncate,
  ]);
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
