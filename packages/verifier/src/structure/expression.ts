import { createHash } from "node:crypto";
import { isNode, type Node, NodeTextError, parseNodeText, type Value } from "../database/plan/node-text.ts";

/** Names for what an expression refers to by oid (decimal text). They end up in the description as they are. */
export interface ExpressionNames {
  /** Of the column with this number, of the relation that the expression belongs to. */
  column(number: string): string;
  type(oid: string): string;
  function(oid: string): string;
  relation(oid: string): string;
  collation(oid: string): string;
}

/** Longer texts are not read: nothing that is compared has a hundredth of this. */
const MAX_TEXT = 100_000;

/**
 * Describes a stored expression: the text of a `pg_node_tree` as it stands in `pg_attrdef.adbin`, `pg_constraint.conbin`,
 * `pg_index.indpred` and `indexprs` or, a list, in `pg_proc.proargdefaults`. The same expression has the same description
 * on 14 to 18, and two that do different things have different ones; the server is not asked. For example
 *
 *     octet_length(payload_hash) = 32 and mode = 'strict'
 *
 *     and(int4eq[65]/96(octet_length[720]($payload_hash:bytea):integer, 32:integer):boolean,
 *         texteq[67]/98($mode:text, "strict":text):boolean{collate default[100]})
 *
 * - a call: its function, behind `/` the operator that it was written as (an operator's row names the function, but
 *   the tree has its own copy, which older versions run), arguments, and the type of its result;
 * - a column: `$` and its name, of the second relation of a rule or trigger `2.$` and its number;
 * - a constant: a number of up to 8 bytes in decimal, a printable text in double quotes, other bytes as `x` and hex,
 *   `null`; of the type `regclass` the name of the relation;
 * - else the name of what it is (`and`, `any`, `null`, `case`), arguments in order, then what it says beside.
 *
 * Where something was written in the text of the statement (`location`) and how it is displayed (`funcformat`) are left
 * out. Whatever else is not known here, or is not what PostgreSQL writes, makes the whole a text that equals no
 * description of something known: `not understood: ` with what, and the SHA-256 of the tree.
 *
 * @param text null where there is no expression
 */
export function describeExpression(text: string | null, names: ExpressionNames): string | null {
  if (text === null) return null;
  const unknown = (why: string) => `not understood: ${why}; SHA-256 ${createHash("sha256").update(text).digest("hex")}`;
  if (text.length > MAX_TEXT) return unknown(`${text.length} characters`);
  try {
    // A list is not one node: as a field of one it is read by the same parser.
    const { fields } = parseNodeText(`{EXPRESSION :tree ${text}}`);
    const [tree, ...more] = fields.get("tree") ?? [];
    if (fields.size !== 1 || tree === undefined || more.length > 0) return unknown("more than one tree");
    return new Describer(names).value(tree);
  } catch (error) {
    if (error instanceof NotUnderstood || error instanceof NodeTextError) return unknown(error.message);
    throw error;
  }
}

class NotUnderstood extends Error {}

/**
 * What a field of a node is, and so where its description goes:
 *
 * - `function` and `operator`, `type` and `modifier`, `collation`: an oid or number, named;
 * - `node`, `nodes`: arguments; a node that is not there is `-`;
 * - `flag`: its name where it is true; `number`: its name and value;
 * - `unset`: has to be false, 0 or nothing, as it is in whatever is stored;
 * - `display`: has no bearing on what is computed.
 */
type Role =
  | "function"
  | "operator"
  | "type"
  | "modifier"
  | "collation"
  | "node"
  | "nodes"
  | "flag"
  | "number"
  | "unset"
  | "display";

interface Kind {
  /** What it is called; a call is called by its function alone. */
  readonly name: string;
  readonly fields: Readonly<Record<string, Role>>;
}

const operation: Kind["fields"] = {
  opno: "operator",
  opfuncid: "function",
  opresulttype: "type",
  opretset: "flag",
  inputcollid: "collation",
  args: "nodes",
  opcollid: "display",
  location: "display",
};
const array: Kind = {
  name: "array",
  fields: {
    array_typeid: "type",
    element_typeid: "number",
    elements: "nodes",
    multidims: "flag",
    array_collid: "display",
    list_start: "display",
    list_end: "display",
    location: "display",
  },
};
const choice: Kind = {
  name: "case",
  fields: {
    casetype: "type",
    arg: "node",
    args: "nodes",
    defresult: "node",
    casecollid: "display",
    location: "display",
  },
};
const when: Kind = { name: "when", fields: { expr: "node", result: "node", location: "display" } };
const coalesce: Kind = {
  name: "coalesce",
  fields: { coalescetype: "type", args: "nodes", coalescecollid: "display", location: "display" },
};
const extreme: Kind = {
  name: "extreme",
  fields: {
    minmaxtype: "type",
    op: "number",
    inputcollid: "collation",
    args: "nodes",
    minmaxcollid: "display",
    location: "display",
  },
};

/** Nodes that are understood, with all their fields; the names of some changed in 16. */
const KINDS: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  [
    "FUNCEXPR",
    {
      name: "",
      fields: {
        funcid: "function",
        funcresulttype: "type",
        funcretset: "flag",
        funcvariadic: "flag",
        inputcollid: "collation",
        args: "nodes",
        funccollid: "display",
        funcformat: "display",
        location: "display",
      },
    },
  ],
  ["OPEXPR", { name: "", fields: operation }],
  ["DISTINCTEXPR", { name: "distinct", fields: operation }],
  ["NULLIFEXPR", { name: "nullif", fields: operation }],
  [
    "SCALARARRAYOPEXPR",
    {
      name: "each",
      fields: {
        opno: "operator",
        opfuncid: "function",
        useOr: "flag",
        inputcollid: "collation",
        args: "nodes",
        hashfuncid: "unset",
        negfuncid: "unset",
        location: "display",
      },
    },
  ],
  [
    "RELABELTYPE",
    {
      name: "relabel",
      fields: {
        arg: "node",
        resulttype: "type",
        resulttypmod: "modifier",
        resultcollid: "display",
        relabelformat: "display",
        location: "display",
      },
    },
  ],
  [
    "COERCEVIAIO",
    {
      name: "as text",
      fields: {
        arg: "node",
        resulttype: "type",
        resultcollid: "display",
        coerceformat: "display",
        location: "display",
      },
    },
  ],
  [
    "NULLTEST",
    { name: "is null", fields: { arg: "node", nulltesttype: "number", argisrow: "flag", location: "display" } },
  ],
  ["BOOLEANTEST", { name: "is", fields: { arg: "node", booltesttype: "number", location: "display" } }],
  ["COLLATEEXPR", { name: "collate", fields: { arg: "node", collOid: "collation", location: "display" } }],
  [
    "SQLVALUEFUNCTION",
    { name: "value", fields: { op: "number", type: "type", typmod: "modifier", location: "display" } },
  ],
  ["CASE", choice],
  ["CASEEXPR", choice],
  ["WHEN", when],
  ["CASEWHEN", when],
  ["CASETESTEXPR", { name: "tested", fields: { typeId: "type", typeMod: "modifier", collation: "display" } }],
  ["COALESCE", coalesce],
  ["COALESCEEXPR", coalesce],
  ["MINMAX", extreme],
  ["MINMAXEXPR", extreme],
  ["ARRAY", array],
  ["ARRAYEXPR", array],
  [
    "SUBSCRIPTINGREF",
    {
      name: "element",
      fields: {
        refcontainertype: "number",
        refelemtype: "number",
        refrestype: "type",
        reftypmod: "modifier",
        refupperindexpr: "nodes",
        reflowerindexpr: "nodes",
        refexpr: "node",
        refassgnexpr: "unset",
        refcollid: "display",
      },
    },
  ],
  [
    "COERCETODOMAIN",
    {
      name: "domain",
      fields: {
        arg: "node",
        resulttype: "type",
        resulttypmod: "modifier",
        resultcollid: "display",
        coercionformat: "display",
        location: "display",
      },
    },
  ],
  [
    "COERCETODOMAINVALUE",
    {
      name: "value of the domain",
      fields: { typeId: "type", typeMod: "modifier", collation: "display", location: "display" },
    },
  ],
]);

const VAR: Kind["fields"] = {
  varno: "number",
  varattno: "number",
  vartype: "type",
  vartypmod: "modifier",
  varlevelsup: "unset",
  varnullingrels: "unset",
  varreturningtype: "unset",
  varcollid: "display",
  varnosyn: "display",
  varattnosyn: "display",
  location: "display",
};

const CONST: Kind["fields"] = {
  consttype: "type",
  consttypmod: "modifier",
  constlen: "number",
  constbyval: "flag",
  constisnull: "flag",
  constvalue: "nodes",
  constcollid: "display",
  location: "display",
};

/** Oid of the type `regclass`, whose values are oids of relations: another in each database. */
const REGCLASS = "2205";

class Describer {
  readonly #names: ExpressionNames;

  constructor(names: ExpressionNames) {
    this.#names = names;
  }

  value(value: Value): string {
    if (isNode(value)) return this.#node(value);
    if (typeof value !== "string") return `[${value.map((part) => this.value(part)).join(", ")}]`;
    if (value === "<>") return "-";
    throw new NotUnderstood(`${JSON.stringify(value.slice(0, 40))} in the place of a node`);
  }

  #node(node: Node): string {
    if (node.name === "VAR") return this.#column(node);
    if (node.name === "CONST") return this.#constant(node);
    if (node.name === "BOOLEXPR") return this.#logic(node);
    const kind = KINDS.get(node.name);
    if (kind === undefined) throw new NotUnderstood(`a node ${JSON.stringify(node.name.slice(0, 40))}`);
    checkFields(node, kind.fields);
    let head = "";
    let type = "";
    const parts: string[] = [];
    const extras: string[] = [];
    // In the order of the table above, not of the tree: that is what makes versions alike.
    for (const [field, role] of Object.entries(kind.fields)) {
      if (!node.fields.has(field)) continue;
      if (role === "node") parts.push(this.value(single(node, field)));
      else if (role === "nodes") parts.push(...this.#list(node, field));
      else if (role === "function") head = `${this.#names.function(number(node, field))}${head}`;
      else if (role === "operator") head += `/${number(node, field)}`;
      else if (role === "type") type += `:${this.#names.type(number(node, field))}`;
      else if (role === "modifier") type += modifier(node, field);
      else if (role === "collation") extras.push(...this.#collation(node, field));
      else if (role === "number") extras.push(`${field} ${number(node, field)}`);
      else if (role === "flag" && flag(node, field)) extras.push(field);
    }
    const said = extras.length === 0 ? "" : `{${extras.join(", ")}}`;
    return `${[kind.name, head].filter(Boolean).join(" ")}(${parts.join(", ")})${type}${said}`;
  }

  #list(node: Node, field: string): string[] {
    const list = single(node, field);
    const isIndex = node.name === "SUBSCRIPTINGREF";
    if (list === "<>") return isIndex ? ["-"] : [];
    if (typeof list === "string" || isNode(list)) throw new NotUnderstood(`${node.name} with ${field} that is no list`);
    // A list of indexes is one argument, so that the upper ones are told from the lower ones.
    return isIndex ? [this.value(list)] : list.map((part) => this.value(part));
  }

  #collation(node: Node, field: string): string[] {
    const oid = number(node, field);
    return oid === "0" ? [] : [`collate ${this.#names.collation(oid)}`];
  }

  #column(node: Node): string {
    checkFields(node, VAR);
    const relation = number(node, "varno");
    const column = number(node, "varattno");
    const type = `:${this.#names.type(number(node, "vartype"))}${modifier(node, "vartypmod")}`;
    return `${relation === "1" ? `$${this.#names.column(column)}` : `${relation}.$${column}`}${type}`;
  }

  #logic(node: Node): string {
    checkFields(node, { boolop: "number", args: "nodes", location: "display" });
    const operator = single(node, "boolop");
    if (operator !== "and" && operator !== "or" && operator !== "not") throw new NotUnderstood("a boolean operator");
    return `${operator}(${this.#list(node, "args").join(", ")})`;
  }

  #constant(node: Node): string {
    checkFields(node, CONST);
    const oid = number(node, "consttype");
    const type = `:${this.#names.type(oid)}${modifier(node, "consttypmod")}`;
    const values = node.fields.get("constvalue") ?? [];
    if (flag(node, "constisnull")) {
      if (values.length !== 1 || values[0] !== "<>") throw new NotUnderstood("a value that is null and is not");
      return `null${type}`;
    }
    const bytes = bytesOf(values);
    if (!flag(node, "constbyval")) return `${byReference(bytes, number(node, "constlen"))}${type}`;
    const value = byValue(bytes);
    return `${oid === REGCLASS ? this.#names.relation(`${BigInt.asUintN(32, value)}`) : value}${type}`;
  }
}

/** Refuses a node with a field that is not in the table, or with something in one that has to be empty. */
function checkFields(node: Node, fields: Kind["fields"]): void {
  for (const [field, values] of node.fields) {
    const role = Object.hasOwn(fields, field) ? fields[field] : undefined;
    if (role === undefined) throw new NotUnderstood(`${node.name} with a field ${JSON.stringify(field.slice(0, 40))}`);
    if (role !== "unset") continue;
    const [value, ...more] = values;
    const isEmpty = value === "<>" || value === "0" || value === "false" || isEmptySet(value);
    if (!isEmpty || more.length > 0) throw new NotUnderstood(`${node.name} with ${field}`);
  }
}

/** `(b)`: a set of numbers without any. */
const isEmptySet = (value: Value | undefined): boolean =>
  value !== undefined && typeof value !== "string" && !isNode(value) && value.length === 1 && value[0] === "b";

function single(node: Node, field: string): Value {
  const [value, ...more] = node.fields.get(field) ?? [];
  if (value === undefined || more.length > 0) throw new NotUnderstood(`${node.name} without one ${field}`);
  return value;
}

function number(node: Node, field: string): string {
  const value = single(node, field);
  if (typeof value !== "string" || !/^-?\d{1,10}$/u.test(value))
    throw new NotUnderstood(`${node.name} with ${field} that is no number`);
  return value;
}

function flag(node: Node, field: string): boolean {
  const value = single(node, field);
  if (value !== "true" && value !== "false")
    throw new NotUnderstood(`${node.name} with ${field} that is neither true nor false`);
  return value === "true";
}

function modifier(node: Node, field: string): string {
  const value = number(node, field);
  return value === "-1" ? "" : ` modifier ${value}`;
}

/** `4 [ 5 0 0 0 0 0 0 0 ]`: a length, and bytes with a sign. */
function bytesOf(values: readonly Value[]): Buffer {
  const [length, open, ...rest] = values;
  const close = rest.pop();
  const isByte = (value: Value): value is string =>
    typeof value === "string" && /^-?\d{1,3}$/u.test(value) && Number(value) >= -128 && Number(value) <= 255;
  if (typeof length !== "string" || !/^\d{1,7}$/u.test(length) || open !== "[" || close !== "]" || !rest.every(isByte))
    throw new NotUnderstood("a constant that is no bytes");
  // What is passed by value is printed as a whole word, however long the type is.
  if (rest.length !== Number(length) && rest.length !== 8 && rest.length !== 4)
    throw new NotUnderstood("a constant that is not as long as it says");
  return Buffer.from(rest.map(Number));
}

/** A word of memory, as a number: all of it, since a type decides how much of it is read. */
function byValue(bytes: Buffer): bigint {
  if (bytes.length === 8) return bytes.readBigInt64LE();
  if (bytes.length === 4) return BigInt(bytes.readInt32LE());
  throw new NotUnderstood("a word of another length");
}

/** Bytes in memory. A value of variable length begins with 4 bytes that say how long it is, and are left out. */
function byReference(bytes: Buffer, length: string): string {
  if (length !== "-1") return `x${bytes.toString("hex")}`;
  if (bytes.length < 4 || bytes.readUInt32LE() !== bytes.length * 4)
    throw new NotUnderstood("a constant that is compressed, or not as long as it says");
  const body = bytes.subarray(4);
  const text = body.toString("latin1");
  return /^[\u0020-\u007e]*$/u.test(text) ? JSON.stringify(text) : `x${body.toString("hex")}`;
}
