import { type Catalog, type IndexRow, type RelationRow, roleName, typeName } from "../catalog/catalog.ts";
import { expressionsOf } from "./expression-names.ts";
import { describeLiveTrigger } from "./describe-trigger.ts";
import { grantsWithout } from "./describe-function.ts";
import type { RelationShape } from "../manifest.ts";

const KINDS: Readonly<Record<string, string>> = {
  r: "table",
  p: "partitioned table",
  v: "view",
  m: "materialized view",
  f: "foreign table",
  S: "sequence",
};
const PERSISTENCES: Readonly<Record<string, string>> = { p: "permanent", u: "unlogged", t: "temporary" };

export const relationKind = (relation: RelationRow): string => KINDS[relation.kind] ?? `kind ${relation.kind}`;
export const persistence = (relation: RelationRow): string =>
  PERSISTENCES[relation.persistence] ?? relation.persistence;

const sorted = (entries: readonly (readonly [string, string])[]) =>
  Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));

/** Everything that makes one of our tables or sequences what it is. */
export function describeRelation(catalog: Catalog, relation: RelationRow): RelationShape {
  const { oid } = relation;
  const expressionOf = expressionsOf(catalog, oid);
  const columns = catalog.columns.filter((column) => column.relation === oid);
  const columnName = (number: string) => columns.find((column) => column.number === number)?.name ?? "an expression";
  return {
    kind: relationKind(relation),
    storage: `${persistence(relation)}, ${catalog.accessMethods.get(relation.accessMethod) ?? "no access method"}`,
    owner: roleName(catalog, relation.owner),
    columns: sorted(
      columns.map((c) => [
        c.name,
        [
          typeName(catalog, c.type) + (c.modifier === "-1" ? "" : ` (modifier ${c.modifier})`),
          ...(c.collation === "0" || c.collation === "100" ? [] : [`collate ${catalog.collations.get(c.collation)}`]),
          ...(c.notNull ? ["not null"] : []),
          ...(c.expression === null
            ? []
            : [`${c.generated === "" ? "default" : "generated as"} ${expressionOf(c.expression)}`]),
          ...(c.identity === "" ? [] : [`identity ${c.identity === "a" ? "always" : "by default"}`]),
        ].join(" "),
      ]),
    ),
    constraints: sorted(
      catalog.constraints
        // NOT NULL is a constraint from 18 on; it is compared with the columns. A constraint trigger is a trigger.
        .filter((c) => c.relation === oid && c.kind !== "n" && c.kind !== "t")
        .map((c) => [
          c.name,
          [
            { p: "primary key", u: "unique", c: "check", f: "foreign key", x: "exclude" }[c.kind] ?? c.kind,
            expressionOf(c.expression) ?? `(${c.columns.map(columnName).join(", ")})`,
            ...(c.references === "0"
              ? []
              : [`references ${catalog.relations.get(c.references)?.name ?? c.references}`]),
            ...(c.deferrable ? ["deferrable"] : []),
            ...(c.deferred ? ["initially deferred"] : []),
            ...(c.validated ? [] : ["not valid"]),
            ...(c.enforced ? [] : ["not enforced"]),
          ].join(" "),
        ]),
    ),
    indexes: sorted(
      catalog.indexes
        .filter((index) => index.relation === oid)
        .map((index) => [
          catalog.relations.get(index.index)?.name ?? index.index,
          describeIndex(catalog, index, columnName),
        ]),
    ),
    triggers: sorted(
      catalog.triggers
        .filter((trigger) => trigger.relation === oid)
        .map((trigger) => [trigger.name, describeLiveTrigger(catalog, trigger)]),
    ),
    extras: describeExtras(catalog, relation),
    grants: grantsWithout(roleName(catalog, relation.owner), relation.acl ?? []),
  };
}

function describeIndex(catalog: Catalog, index: IndexRow, columnName: (number: string) => string): string {
  const method =
    catalog.accessMethods.get(catalog.relations.get(index.index)?.accessMethod ?? "") ?? "no access method";
  const parts = index.columns.map((number, i) => {
    if (i >= index.keyColumns) return `${columnName(number)} included`;
    const operators = catalog.operatorClasses.get(index.classes[i] ?? "");
    const collation = index.collations[i] ?? "0";
    return [
      columnName(number),
      ...(collation === "0" ? [] : [`collate ${catalog.collations.get(collation) ?? collation}`]),
      operators === undefined
        ? `operators ${index.classes[i] ?? ""}`
        : `${catalog.schemas.get(operators.schema)?.name ?? ""}.${operators.name}`,
      ...(index.options[i] === "0" ? [] : [`options ${index.options[i] ?? ""}`]),
    ].join(" ");
  });
  return [
    `${index.isPrimary ? "primary " : ""}${index.isUnique ? "unique " : ""}${method} (${parts.join(", ")})`,
    ...(index.isImmediate ? [] : ["deferrable"]),
    ...(index.isExclusion ? ["exclusion"] : []),
    ...(index.hasExpressions ? ["with expressions"] : []),
    ...(index.predicate === null ? [] : [`where ${expressionsOf(catalog, index.relation)(index.predicate)}`]),
  ].join(" ");
}

/** Row security, policies, rules, inheritance. */
export function describeExtras(catalog: Catalog, relation: RelationRow): string[] {
  const { oid } = relation;
  const named = (other: string) => catalog.relations.get(other)?.name ?? other;
  return [
    ...(relation.rowSecurity ? ["row security"] : []),
    ...catalog.policies.filter((p) => p.relation === oid).map((p) => `the policy ${p.name}`),
    ...catalog.rules.filter((r) => r.relation === oid).map((r) => `the rule ${r.name}`),
    ...catalog.inheritance.filter((i) => i.parent === oid).map((i) => `the child ${named(i.child)}`),
    ...catalog.inheritance.filter((i) => i.child === oid).map((i) => `the parent ${named(i.parent)}`),
  ].toSorted();
}
