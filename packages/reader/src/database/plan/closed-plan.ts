import { FIRST_NORMAL_OID, FIRST_UNPINNED_OID } from "../catalog/oids.ts";
import { atomOf, isNode, listOf, type Node, type Value } from "./node-text.ts";
import { anything, node } from "./parts.ts";
import type { Form } from "./parts.ts";
import { difference } from "./pattern.ts";

/**
 * What may stand in a plan that the planner is free to choose: scans and joins of these relations by these indexes, and
 * conditions of the server's own functions. The executor finds these functions by number. A form with such a plan says
 * nothing of its shape, which is checked apart from it (`PlanShape`).
 */
export interface Closed {
  /** Oids of the tables with their partitions. */
  readonly relations: ReadonlySet<string>;
}

const PLAN_NODES: ReadonlySet<string> = new Set([
  "NESTLOOP",
  "APPEND",
  "MERGEAPPEND",
  "SEQSCAN",
  "TIDRANGESCAN",
  "INDEXSCAN",
  "INDEXONLYSCAN",
  "RESULT",
]);
const EXPRESSION_NODES = new Set([
  "TARGETENTRY",
  "VAR",
  "CONST",
  "OPEXPR",
  "FUNCEXPR",
  "BOOLEXPR",
  "BOOLEANTEST",
  "NULLTEST",
  "RELABELTYPE",
  "PARAM",
  "NESTLOOPPARAM",
]);

/** Kinds of entries of a range table: relations, which are looked at; subqueries, joins and results, whose parts are. */
const HARMLESS_ENTRIES = new Set(["0", "1", "2", "8"]);

/** A statement whose plan has nothing in it but this, and the shape that `check` wants. */
export const closedForm = (
  statement: string,
  closed: Closed,
  check: (shape: PlanShape) => string | null = () => null,
): Form => formOf(statement, closed, PLAN_NODES, check);

/** A statement that is planned and not run: its plan may sort, which says that no index serves it. */
export const plannedForm = (statement: string, closed: Closed): Form =>
  formOf(statement, closed, new Set([...PLAN_NODES, "SORT"]), () => null);

const formOf = (
  statement: string,
  closed: Closed,
  nodes: ReadonlySet<string>,
  check: (shape: PlanShape) => string | null,
): Form => ({
  statement,
  ...([...closed.relations].some((oid) => Number(oid) >= FIRST_NORMAL_OID) ? { hasNames: true } : {}),
  plan: ([tree]) => (isNode(tree) ? (openness(tree, closed, nodes) ?? check(shapeOf(tree))) : "no plan"),
});

function openness(tree: Node, { relations }: Closed, nodes: ReadonlySet<string>): string | null {
  const rest = difference(
    [tree],
    node("PLANNEDSTMT", {
      commandType: "1",
      planTree: anything,
      rtable: anything,
      relationOids: anything,
      appendRelations: anything,
      paramExecTypes: anything,
    }),
    "",
  );
  if (rest !== null) return rest;
  const entries = listOf(tree.fields.get("rtable"));
  for (const entry of entries) {
    const kind = atomOf(entry, "rtekind");
    if (!isNode(entry) || !HARMLESS_ENTRIES.has(kind)) return "something else than relations";
    if (kind === "0" && !relations.has(atomOf(entry, "relid"))) return `the relation ${atomOf(entry, "relid")}`;
    const secured = difference(entry.fields.get("securityQuals") ?? ["<>"], "<>", "securityQuals");
    if (secured !== null) return secured;
  }
  // The list at the end names no others: names of columns stand before it, and could pass for entries.
  const [mark, ...named] = listOf(tree.fields.get("relationOids"));
  const strange = named.find((oid) => typeof oid !== "string" || !relations.has(oid));
  if (mark !== "o" || strange !== undefined) return "other relations";
  return strangeNode(planTreeOf(tree), nodes);
}

function strangeNode(value: Value | undefined, nodes: ReadonlySet<string>): string | null {
  if (value === undefined || typeof value === "string") return null;
  if (!isNode(value)) return value.map((one) => strangeNode(one, nodes)).find((found) => found !== null) ?? null;
  if (!nodes.has(value.name) && !EXPRESSION_NODES.has(value.name)) return `a ${value.name}`;
  const called = atomOf(value, value.name === "FUNCEXPR" ? "funcid" : "opfuncid");
  if (called !== "" && Number(called) >= FIRST_UNPINNED_OID) return `the function ${called}`;
  for (const [label, values] of value.fields)
    if (label !== "colnames") {
      const found = values.map((one) => strangeNode(one, nodes)).find((one) => one !== null);
      if (found !== undefined) return found;
    }
  return null;
}

/** A plan as far as it matters which way rows are found. */
export interface PlanShape {
  /** `SEQSCAN`, `NESTLOOP`, … */
  readonly node: string;
  /** Of a scan, the oid of the relation. */
  readonly relation: string | null;
  /** Of a scan by an index, its oid. */
  readonly index: string | null;
  /** Whether rows are left out after they have been found. */
  readonly isFiltered: boolean;
  /** Whether rows without a partner stay. */
  readonly isLeftJoin: boolean;
  readonly plans: readonly PlanShape[];
}

/** The shape of a whole statement's plan. */
export function shapeOf(tree: Node): PlanShape {
  const relids = listOf(tree.fields.get("rtable")).map((entry) => atomOf(entry, "relid"));
  return shapeOfPlan(planTreeOf(tree), relids);
}

function shapeOfPlan(plan: Value | undefined, relids: readonly string[]): PlanShape {
  if (!isNode(plan)) return { node: "", relation: null, index: null, isFiltered: false, isLeftJoin: false, plans: [] };
  const below = [
    ...["lefttree", "righttree"].flatMap((label) => plan.fields.get(label) ?? []),
    ...["appendplans", "mergeplans"].flatMap((label) => listOf(plan.fields.get(label))),
  ].filter(isNode);
  return {
    node: plan.name,
    relation: plan.fields.has("scanrelid") ? (relids[Number(atomOf(plan, "scanrelid")) - 1] ?? null) : null,
    index: plan.fields.has("indexid") ? atomOf(plan, "indexid") : null,
    isFiltered: (plan.fields.get("qual") ?? ["<>"])[0] !== "<>",
    isLeftJoin: atomOf(plan, "jointype") === "1",
    plans: below.map((one) => shapeOfPlan(one, relids)),
  };
}

const planTreeOf = (tree: Node): Value | undefined => tree.fields.get("planTree")?.[0];
