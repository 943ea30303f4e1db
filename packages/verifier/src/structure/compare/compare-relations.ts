import { type CheckName, isBuiltin, type ReportFinding } from "@scidex/audit-reader";
import { type Catalog, findRelation } from "../catalog/catalog.ts";
import { compareFlags } from "./compare-flags.ts";
import { isOff, offName } from "../describe/describe-trigger.ts";
import type { RelationShape, SchemaShape } from "../manifest.ts";

type Shapes = Readonly<Record<string, string>>;

/** Compares our tables and sequences with the manifest. */
export function compareRelations(
  catalog: Catalog,
  manifest: SchemaShape,
  live: ReadonlyMap<string, RelationShape>,
  report: ReportFinding,
): void {
  for (const [name, expected] of Object.entries(manifest.relations)) {
    const actual = live.get(name);
    if (actual === undefined) {
      report({
        check: "relation_changed",
        expected: `a ${expected.kind}`,
        actual: "nothing of that name",
        message: `${catalog.place.schema}.${name} is missing`,
      });
      continue;
    }
    compareRelation(catalog, name, expected, actual, report);
  }
}

function compareRelation(
  catalog: Catalog,
  name: string,
  expected: RelationShape,
  actual: RelationShape,
  report: ReportFinding,
): void {
  const differs = (check: CheckName, what: string, a: string, b: string) =>
    report({ check, expected: a, actual: b, message: `${catalog.place.schema}.${name}: ${what}` });
  if (actual.kind !== expected.kind || actual.storage !== expected.storage) {
    differs(
      "relation_changed",
      "it is another kind of relation",
      `${expected.kind}, ${expected.storage}`,
      `${actual.kind}, ${actual.storage}`,
    );
  }
  if (actual.owner !== expected.owner)
    differs("privilege_widened", "it has another owner", expected.owner, actual.owner);
  for (const extra of actual.extras) {
    if (!expected.extras.includes(extra)) differs("relation_changed", `it has ${extra}`, "none", extra);
  }
  compareShapes(expected.columns, actual.columns, (what, a, b) =>
    differs("relation_changed", `the column ${what}`, a, b),
  );
  compareShapes(expected.constraints, actual.constraints, (what, a, b) =>
    differs("relation_changed", `the constraint ${what}`, a, b),
  );
  compareIndexes(catalog, name, expected, actual, report);
  compareTriggers(catalog, name, expected, actual, report);
  const relation = findRelation(catalog, catalog.place.schema, name);
  if (relation !== undefined) compareFlags(catalog, relation, `${catalog.place.schema}.${name}`, report);
}

/** Calls `differs` for each name that is missing, changed or not expected. */
function compareShapes(
  expected: Shapes,
  actual: Shapes,
  differs: (what: string, expected: string, actual: string) => void,
): void {
  for (const [name, shape] of Object.entries(expected)) {
    const found = Object.hasOwn(actual, name) ? actual[name] : undefined;
    if (found === undefined) differs(`${name} is missing`, shape, "none");
    else if (found !== shape) differs(`${name} was changed`, shape, found);
  }
  for (const [name, shape] of Object.entries(actual)) {
    if (!Object.hasOwn(expected, name)) differs(`${name} was added`, "none", shape);
  }
}

/**
 * An index more is the administrator's business, as long as it neither restricts rows nor runs code; REINDEX
 * CONCURRENTLY makes a copy of one under another name for a while.
 */
function compareIndexes(
  catalog: Catalog,
  name: string,
  expected: RelationShape,
  actual: RelationShape,
  report: ReportFinding,
): void {
  const definitions = new Set(Object.values(expected.indexes).map((shape) => shape.replace(/^primary /u, "")));
  compareShapes(expected.indexes, actual.indexes, (what, a, b) => {
    if (a !== "none") {
      report({
        check: "index_mismatch",
        expected: a,
        actual: b,
        message: `${catalog.place.schema}.${name}: the index ${what}`,
      });
    } else if (/^(?:primary )?unique |exclusion|with expressions| where /u.test(b) && !definitions.has(b)) {
      report({
        check: "relation_changed",
        expected: a,
        actual: b,
        message: `${catalog.place.schema}.${name}: the index ${what}`,
      });
    }
  });
  const relation = findRelation(catalog, catalog.place.schema, name);
  for (const index of catalog.indexes) {
    const indexName = catalog.relations.get(index.index)?.name ?? "";
    if (index.relation !== relation?.oid || !Object.hasOwn(expected.indexes, indexName)) continue;
    const states = [
      ...(index.isValid ? [] : ["not valid"]),
      ...(index.isReady ? [] : ["not ready for inserts"]),
      ...(index.isLive ? [] : ["being dropped"]),
    ];
    if (states.length === 0) continue;
    report({
      check: "index_mismatch",
      expected: "valid, ready and live",
      actual: states.join(", "),
      message: `${catalog.place.schema}.${name}: the index ${indexName} is ${states.join(", ")}`,
    });
  }
}

function compareTriggers(
  catalog: Catalog,
  name: string,
  expected: RelationShape,
  actual: RelationShape,
  report: ReportFinding,
): void {
  const relation = findRelation(catalog, catalog.place.schema, name);
  const live = catalog.triggers.filter((trigger) => trigger.relation === relation?.oid);
  for (const [triggerName, shape] of Object.entries(expected.triggers)) {
    const trigger = live.find((t) => t.name === triggerName);
    const found = actual.triggers[triggerName];
    if (trigger === undefined || found === undefined) {
      report({
        check: "trigger_missing",
        expected: shape,
        actual: "none",
        message: `${catalog.place.schema}.${name} has lost its trigger ${triggerName}`,
      });
      continue;
    }
    if (found !== shape) {
      report({
        check: "trigger_changed",
        expected: shape,
        actual: found,
        message: `the trigger ${triggerName} of ${catalog.place.schema}.${name} was changed`,
      });
    }
    if (isOff(trigger)) {
      report({
        check: "trigger_disabled",
        expected: "enabled",
        actual: offName(trigger),
        message: `the trigger ${triggerName} of ${catalog.place.schema}.${name} is ${offName(trigger)}`,
      });
    }
  }
  for (const trigger of live) {
    if (Object.hasOwn(expected.triggers, trigger.name)) continue;
    // A foreign key of somebody's table that points here brings triggers with builtin functions: no way to change rows.
    if (trigger.isInternal && isBuiltin(trigger.function)) continue;
    report({
      check: "relation_changed",
      expected: "no such trigger",
      actual: actual.triggers[trigger.name] ?? "",
      message: `${catalog.place.schema}.${name} has a trigger that does not belong to the audit chain: ${trigger.name}`,
    });
  }
}
