import { captureSource } from "@scidex/audit-core";
import {
  CONFIG_KIND,
  type Config,
  isDropped,
  type KindHistory,
  lastShape,
  splitRelation,
} from "../../coverage/config.ts";
import type { ReportFinding } from "@scidex/audit-reader";
import type { Policy } from "../../coverage/policy.ts";
import { type Catalog, findRelation, type RelationRow } from "../catalog/catalog.ts";
import { type AuditedTable, captureName, nameOf, ofTables, partitionsOf } from "./audited-tables.ts";
import { compareAuditedTriggers } from "./compare-audited-triggers.ts";
import { comparePublished } from "./compare-published.ts";
import { functionDifferences, reportFunction } from "./compare-functions.ts";
import { shippedHash } from "../describe/describe-function.ts";
import { persistence } from "../describe/describe-relation.ts";
import type { FunctionShape, SchemaShape } from "../manifest.ts";
import {
  childEntry,
  isRecorded,
  quotedRelation,
  ruleEntry,
  securityEntry,
  withoutPrinting,
} from "../../coverage/present.ts";

/**
 * Compares the audited tables, their triggers and capture functions with the configuration in force. One thing only a policy
 * says: which partitions of a table had a guard against TRUNCATE when it was pinned.
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
  for (const history of ofTables(histories)) {
    const { current } = history;
    const place = splitRelation(current.relation);
    const relation = place === null ? undefined : findRelation(catalog, place.schema, place.name);
    const isTable = relation?.kind === "r" || relation?.kind === "p";
    // Of a table that was dropped the function stays; what has its name now is another one.
    const isPartitioned = isTable && !isDropped(current) ? relation.kind === "p" : null;
    compareCapture(catalog, manifest, functions, lastShape(history), isPartitioned, report);
    // A table that is not there, or not a table, is `source_missing`.
    if (current.action === "detach" || relation === undefined || !isTable) continue;
    const table = { config: current, relation, pinned: policy?.tables.get(current.relation) };
    unproven.push(...compareTable(catalog, table, report));
    warnings.push(...compareAuditedTriggers(catalog, table, report), ...comparePublished(catalog, table, report));
  }
  return { warnings, unproven };
}

/** `isPartitioned` null: the table is not there, so that either form will do. */
function compareCapture(
  catalog: Catalog,
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
    source: shippedHash(
      captureSource({ ...config, rowWise: partitioned || config.changes === "track", schema: catalog.place.schema }),
      catalog,
    ),
  }));
  const [expected] = possible;
  if (actual === undefined) {
    if (config.action === "detach") return;
    report({
      check: "function_changed",
      eventKind: config.kind,
      expected: `the capture function of ${config.relation}`,
      actual: "none",
      message: `the function ${catalog.place.schema}.${name}, which captures ${config.relation}, is missing`,
    });
    return;
  }
  if (expected === undefined || possible.some((shape) => functionDifferences(shape, actual).length === 0)) return;
  reportFunction(catalog.place, name, expected, actual, config.kind, report);
}

/**
 * Unlogged, with rules, children that no trigger sees, or a partition of something else. Rules and children that were
 * there when the table was attached are known; what came later, or changed, is not.
 *
 * @returns what could not be judged
 */
function compareTable(catalog: Catalog, { config, relation }: AuditedTable, report: ReportFinding): string[] {
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
  // Row security that was there at the attachment is the owner's business. Where it hides rows from the verifier, the table is
  // unproven.
  for (const table of [relation, ...(relation.kind === "p" ? parts : [])]) {
    const name = table === relation ? config.relation : `${nameOf(catalog, table)}, a partition of ${config.relation},`;
    if (table.rowSecurity && isRecorded(securityEntry(quotedNameOf(catalog, table)), config.present) === "no")
      changed(
        `${name} has row security, which was not there when it was attached: it can hide rows from applications. If a migration has switched it on, run audit-chain sync`,
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
