import type { ReportFinding } from "@scidex/audit-reader";
import type { Catalog, RelationRow } from "../catalog/catalog.ts";

/** A relation, as the report names it. */
interface Named {
  readonly relation: RelationRow;
  readonly name: string;
  /** Of an audited table. */
  readonly kind: string | undefined;
}

/**
 * `pg_class` says of each relation whether it has triggers and indexes, and how many checks. Where it denies them, the
 * server does not look. So one UPDATE of a flag switches all triggers of a table off, while each still stands in the
 * catalog untouched and enabled.
 */
export function compareTriggerFlag(catalog: Catalog, { relation, name, kind }: Named, report: ReportFinding): void {
  if (relation.hasTriggers || !catalog.triggers.some((trigger) => trigger.relation === relation.oid)) return;
  report({
    check: "trigger_disabled",
    ...(kind === undefined ? {} : { eventKind: kind }),
    expected: "pg_class.relhastriggers is true",
    actual: "false",
    message: `no trigger of ${name} fires: the catalog denies that it has any`,
  });
}

/** The same for all flags, of one of our own tables. */
export function compareFlags(catalog: Catalog, relation: RelationRow, name: string, report: ReportFinding): void {
  compareTriggerFlag(catalog, { relation, name, kind: undefined }, report);
  if (!relation.hasIndexes && catalog.indexes.some((index) => index.relation === relation.oid)) {
    report({
      check: "index_mismatch",
      expected: "pg_class.relhasindex is true",
      actual: "false",
      message: `${name}: no index is used or kept up to date: the catalog denies that there is any`,
    });
  }
  const checks = catalog.constraints.filter((c) => c.relation === relation.oid && c.kind === "c").length;
  if (relation.checks !== checks) {
    report({
      check: "relation_changed",
      expected: `${checks} checks`,
      actual: `pg_class.relchecks is ${relation.checks}`,
      message: `${name}: the server does not hold rows against its checks: the catalog denies that there are as many`,
    });
  }
}
