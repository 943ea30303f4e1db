import { isNode, type Node, type Value } from "./node-text.ts";

/**
 * What a value of a tree has to be: this atom; a list of just these; a node of this name with these fields; or whatever
 * a function accepts. The function returns null where all is well, else what the value is instead.
 */
export type Pattern = string | readonly Pattern[] | NodePattern | ((values: readonly Value[]) => string | null);

export interface NodePattern {
  /** Its name; or names with `|` between, where versions call it differently. */
  readonly node: string;
  readonly fields: Readonly<Record<string, Pattern>>;
}

/**
 * Fields that say nothing of what is run: what it is thought to cost, where it stands in the statement, names. A field that
 * is neither here nor in the pattern must be empty: what a later version of PostgreSQL brings is refused and not overlooked.
 */
const IRRELEVANT = new Set([
  "alias",
  "allParam",
  "async_capable",
  "canSetTag",
  "checkAsUser",
  "colnames",
  "constcollid",
  "constlen",
  "consttypmod",
  "constbyval",
  "disabled_nodes",
  "dependsOnRole",
  "eref",
  "extParam",
  "funccollid",
  "funcformat",
  "inFromCl",
  "inh",
  "inputcollid",
  "location",
  "opcollid",
  "opresulttype",
  "parallel_aware",
  "parallel_safe",
  "perminfoindex",
  "permInfos",
  "planId",
  "plan_node_id",
  "plan_rows",
  "plan_width",
  "queryId",
  "relabelformat",
  "rellockmode",
  "requiredPerms",
  "resname",
  "resno",
  "resorigcol",
  "resorigtbl",
  "resultcollid",
  "resulttypmod",
  "selectedCols",
  "startup_cost",
  "stmt_len",
  "stmt_location",
  "total_cost",
  // Whether it is to be made again once older transactions have ended: an index cannot be used before.
  "transientPlan",
  "unprunableRelids",
  "varattnosyn",
  "varcollid",
  "varnosyn",
  "varnullingrels",
  "vartypmod",
]);

const EMPTY = new Set(["<>", "0", "false", "b"]);

const isEmpty = (values: readonly Value[]): boolean =>
  values.every((value) => (typeof value === "string" ? EMPTY.has(value) : !isNode(value) && isEmpty(value)));

/** What is different in a tree, or null. `path` leads to it. */
export function difference(values: readonly Value[], pattern: Pattern, path: string): string | null {
  if (typeof pattern === "function") {
    const instead = pattern(values);
    return instead === null ? null : `${path}: ${instead}`;
  }
  const [value, ...more] = values;
  if (typeof pattern === "string")
    return more.length === 0 && value === pattern ? null : `${path}: ${describe(values)} instead of ${pattern}`;
  if ("node" in pattern) {
    if (more.length > 0 || !isNode(value) || !pattern.node.split("|").includes(value.name))
      return `${path}: ${describe(values)} instead of ${pattern.node}`;
    return differenceOfFields(value, pattern.fields, path === "" ? value.name : `${path}.${value.name}`);
  }
  if (more.length > 0 || typeof value !== "object" || isNode(value) || value.length !== pattern.length)
    return `${path}: ${describe(values)} instead of a list of ${pattern.length}`;
  for (const [i, item] of pattern.entries()) {
    const found = difference(value.slice(i, i + 1), item, `${path}[${i}]`);
    if (found !== null) return found;
  }
  return null;
}

function differenceOfFields(node: Node, fields: NodePattern["fields"], path: string): string | null {
  for (const [label, pattern] of Object.entries(fields)) {
    const found = difference(node.fields.get(label) ?? ["<>"], pattern, `${path}.${label}`);
    if (found !== null) return found;
  }
  for (const [label, values] of node.fields) {
    if (Object.hasOwn(fields, label) || IRRELEVANT.has(label) || isEmpty(values)) continue;
    return `${path}.${label}: ${describe(values)} instead of nothing`;
  }
  return null;
}

function describe(values: readonly Value[]): string {
  const text = values
    .map((value) => (typeof value === "string" ? value : isNode(value) ? `{${value.name}}` : `(${describe(value)})`))
    .join(" ");
  return text.length > 100 ? `${text.slice(0, 100)}…` : text || "nothing";
}
