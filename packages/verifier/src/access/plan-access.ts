import { CONFIG_KIND, type KindHistory, splitRelation } from "../coverage/config.ts";
import type { ReportFinding } from "@scidex/audit-reader";
import { type Catalog, findRelation, type RelationRow } from "../structure/catalog/catalog.ts";
import { indexName, namedRelation, type TableAccess, TablePlan } from "./table-plan.ts";

export interface AccessPlan {
  readonly tables: readonly TableAccess[];
  /** What is not checked, each named with its table. */
  readonly notChecked: readonly string[];
}

/**
 * What can be checked of the ways in which an application gets at the rows of audited tables. An index that the catalog
 * has in a state which the server never leaves is reported at once.
 */
export function planAccess(
  catalog: Catalog,
  histories: ReadonlyMap<string, KindHistory>,
  report: ReportFinding,
): AccessPlan {
  const tables = [...histories.values()].flatMap(({ kind, current }) => {
    const place = kind === CONFIG_KIND || current.action === "detach" ? null : splitRelation(current.relation);
    const root = place === null ? undefined : findRelation(catalog, place.schema, place.name);
    return root === undefined || (root.kind !== "r" && root.kind !== "p") ? [] : [{ kind, current, root }];
  });
  const audited = new Set(tables.map(({ root }) => root.oid));
  const notChecked: string[] = [];
  const leaveOut = (what: string) => notChecked.push(what);
  return {
    tables: tables.map(({ kind, current, root }) => {
      for (const leaf of leavesOf(catalog, root)) compareFlags(catalog, leaf, kind, report);
      const table = { ...namedRelation(catalog, root), isPartitioned: root.kind === "p", key: current.keyColumns };
      const planned = new TablePlan(catalog, table, audited, leaveOut);
      return { kind, relation: current.relation, table, root, ...planned.plan() };
    }),
    notChecked,
  };
}

/**
 * What the server never leaves behind: it makes an index valid last, and invalid first when it drops one. And a flag
 * without which it neither keeps up nor uses any index.
 */
function compareFlags(catalog: Catalog, relation: RelationRow, kind: string, report: ReportFinding): void {
  const indexes = catalog.indexes.filter((index) => index.relation === relation.oid);
  const { schema, name } = namedRelation(catalog, relation);
  for (const index of indexes) {
    if (!index.isValid || (index.isReady && index.isLive)) continue;
    report({
      check: "access_mismatch",
      eventKind: kind,
      expected: "ready and live, as a valid index is",
      actual: [...(index.isReady ? [] : ["not ready for inserts"]), ...(index.isLive ? [] : ["being dropped"])].join(
        ", ",
      ),
      message: `${schema}.${name}: the index ${indexName(catalog, index)} is in a state in which the server never leaves one`,
    });
  }
  if (relation.hasIndexes || indexes.length === 0) return;
  report({
    check: "access_mismatch",
    eventKind: kind,
    expected: "pg_class.relhasindex is true",
    actual: "false",
    message: `${schema}.${name}: no index is used or kept up to date: the catalog denies that there is any`,
  });
}

/** The tables that hold a table's rows. Inheritance children are other tables, and foreign partitions none. */
function leavesOf(catalog: Catalog, root: RelationRow): RelationRow[] {
  if (root.kind !== "p") return root.kind === "r" ? [root] : [];
  return catalog.inheritance
    .filter(({ parent }) => parent === root.oid)
    .flatMap(({ child }) => {
      const relation = catalog.relations.get(child);
      return relation === undefined ? [] : leavesOf(catalog, relation);
    });
}
