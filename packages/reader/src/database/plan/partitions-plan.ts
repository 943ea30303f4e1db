import { attributeOf } from "../relation.ts";
import type { Column, Relation } from "../relation.ts";
import { atomOf, isNode, listOf, type Node, type Value } from "./node-text.ts";
import { anything, column, node, targets } from "./parts.ts";
import { difference, type Pattern } from "./pattern.ts";

/**
 * The plan of reading all of a partitioned table: each of its leaves once, from its beginning to its end, one after the
 * other, and nothing else. Where there is but one, the plan is that of the leaf; where there is none, it yields nothing.
 */
export function partitionsPlan(leaves: readonly Relation[], columns: readonly Column[]): Pattern {
  return ([tree]) => (isNode(tree) && tree.name === "PLANNEDSTMT" ? check(tree, leaves, columns) : "no plan");
}

function check(tree: Node, leaves: readonly Relation[], columns: readonly Column[]): string | null {
  const rtable = listOf(tree.fields.get("rtable"));
  const relids = rtable.map((entry) => atomOf(entry, "relid"));
  // The list at the end names the same relations: names of columns stand before it, and could pass for entries.
  const [mark, ...named] = listOf(tree.fields.get("relationOids"));
  if (mark !== "o" || !isSame(named, relids)) return "other relations";
  const [planTree] = tree.fields.get("planTree") ?? [];
  if (leaves.length === 0) return noRows(planTree);
  const plans = isNode(planTree) && planTree.name === "APPEND" ? appended(planTree) : [planTree];
  if (typeof plans === "string") return plans;
  const missing = new Map(leaves.map((leaf) => [String(leaf.oid), leaf]));
  for (const plan of plans) {
    const number = Number(atomOf(plan, "scanrelid"));
    const entry = rtable[number - 1];
    const relid = relids[number - 1] ?? "";
    const leaf = missing.get(relid);
    if (leaf === undefined || atomOf(entry, "rtekind") !== "0" || atomOf(entry, "relkind") !== "r")
      return `a scan of the relation ${relid}`;
    missing.delete(relid);
    const security = isNode(entry) ? difference(entry.fields.get("securityQuals") ?? [], "<>", "securityQuals") : null;
    if (security !== null) return security;
    const found = difference(
      plan === undefined ? [] : [plan],
      scanOf(leaf, String(number), columns),
      `relation ${relid}`,
    );
    if (found !== null) return found;
  }
  if (missing.size > 0) return `the partitions ${[...missing.keys()].join(", ")} are left out`;
  return difference(
    [tree],
    node("PLANNEDSTMT", {
      commandType: "1",
      planTree: anything,
      rtable: anything,
      relationOids: anything,
      appendRelations: anything,
    }),
    "",
  );
}

const scanOf = (leaf: Relation, number: string, columns: readonly Column[]): Pattern =>
  node("SEQSCAN", {
    targetlist: targets(
      columns.map((name) => column(number, attributeOf(leaf, typeof name === "string" ? name : name.slice))),
    ),
    scanrelid: number,
  });

/** What is put one behind the other: columns that are handed on, without any condition. */
function appended(plan: Node): readonly Value[] | string {
  const plans = listOf(plan.fields.get("appendplans"));
  const number = listOf(plan.fields.get("targetlist")).map((target) => {
    const [expr] = isNode(target) ? (target.fields.get("expr") ?? []) : [];
    return isNode(expr) && expr.name === "VAR" ? atomOf(expr, "varattno") : "an expression";
  });
  if (number.some((attribute, i) => attribute !== String(i + 1))) return "columns in another order";
  const found = difference(
    [plan],
    node("APPEND", {
      targetlist: anything,
      appendplans: anything,
      apprelids: anything,
      first_partial_plan: String(plans.length),
      // -1 for none since PostgreSQL 18.
      part_prune_index: ([value]) => (value === "-1" || value === "<>" ? null : "partitions are left out"),
    }),
    "",
  );
  return found ?? plans;
}

function noRows(plan: Value | undefined): string | null {
  const [condition] = isNode(plan) && plan.name === "RESULT" ? listOf(plan.fields.get("resconstantqual")) : [];
  const bytes = isNode(condition) && condition.name === "CONST" ? condition.fields.get("constvalue") : undefined;
  return bytes !== undefined && isSame(bytes, FALSE) ? null : "rows from nowhere";
}

/** The bytes of a boolean constant, as a dump shows them. */
const FALSE = ["1", "[", "0", "0", "0", "0", "0", "0", "0", "0", "]"];

const isSame = (values: readonly Value[], atoms: readonly string[]): boolean =>
  values.length === atoms.length && values.every((value, i) => value === atoms[i]);
