import { createHash } from "node:crypto";
import { isNode, type Node, NodeTextError, parseNodeText, type Value } from "@scidex/audit-reader";

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
 * - a call: its function, behind `/` the operator that it was written as, the arguments, and the type of the result. An
 *   operator's row names a function too, but the tree has its own copy, and that is what runs;
 * - a column: `$` and its name, of the second relation of a rule or trigger `2.$` and its number;
 * - a constant: `null`, a number of up to 8 bytes in decimal, a printable text in double quotes, or other bytes as `x`
 *   and hex, behind the type's length where that is fixed. Of the type `regclass` it is the name of the relation;
 * - else the name of what it is (`and`, `any`, `null`, `case`), arguments in order, then what it says beside.
 *
 * Where something was written in the text of the statement (`location`) and how it is displayed (`funcformat`) are left
 * out. Whatever is not known here, or is not what PostgreSQL writes, turns the whole into `not understood: ` with the
 * reason and the SHA-256 of the tree. That equals no other description.
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
 * - `flag`: its name where it is true; `number`: its name and value.
 */
type Role = "function" | "operator" | "type" | "modifier" | "collation" | "node" | "nodes" | "flag" | "number";
type Fields = Readonly<Record<string, Role>>;

/**
 * Fields of any node that have no bearing on what is computed: where something was written, how it is displayed, and
 * the collations of results. From these the parser worked out the collations that functions are called with.
 */
const DISPLAY: ReadonlySet<string> = new Set(
  `location list_start list_end varnosyn varattnosyn funcformat relabelformat coerceformat coercionformat varcollid constcollid
   funccollid opcollid resultcollid refcollid array_collid casecollid coalescecollid minmaxcollid collation`.split(
    /\s+/u,
  ),
);

/** Fields that only plans and queries fill: in whatever is stored they are 0, false, nothing or an empty set. */
const UNSET: ReadonlySet<string> = new Set(
  "hashfuncid negfuncid varlevelsup varnullingrels varreturningtype refassgnexpr".split(" "),
);

const COERCION: Fields = { arg: "node", resulttype: "type", resulttypmod: "modifier" };
const OPERATION: Fields = {
  opno: "operator",
  opfuncid: "function",
  args: "nodes",
  opresulttype: "type",
  opretset: "flag",
  inputcollid: "collation",
};
const FUNCTION: Fields = {
  funcid: "function",
  args: "nodes",
  funcresulttype: "type",
  funcretset: "flag",
  funcvariadic: "flag",
  inputcollid: "collation",
};
const EACH: Fields = { opno: "operator", opfuncid: "function", args: "nodes", useOr: "flag", inputcollid: "collation" };
const CASE: Fields = { casetype: "type", arg: "node", args: "nodes", defresult: "node" };
const WHEN: Fields = { expr: "node", result: "node" };
const COALESCE: Fields = { coalescetype: "type", args: "nodes" };
const EXTREME: Fields = { minmaxtype: "type", args: "nodes", op: "number", inputcollid: "collation" };
const ARRAY: Fields = { elements: "nodes", array_typeid: "type", element_typeid: "number", multidims: "flag" };
const COLLATE: Fields = { arg: "node", collOid: "collation" };
const TESTED: Fields = { typeId: "type", typeMod: "modifier" };
const ELEMENT: Fields = {
  refexpr: "node",
  refupperindexpr: "nodes",
  reflowerindexpr: "nodes",
  refrestype: "type",
  reftypmod: "modifier",
  refcontainertype: "number",
  refelemtype: "number",
};

/**
 * Nodes that are understood, what they are called here, and all their fields. Some were called otherwise before 16. A
 * call of a function or operator goes by the function's name alone.
 */
const KINDS: ReadonlyMap<string, readonly [name: string, fields: Fields]> = new Map([
  ["FUNCEXPR", ["", FUNCTION]],
  ["OPEXPR", ["", OPERATION]],
  ["DISTINCTEXPR", ["distinct", OPERATION]],
  ["NULLIFEXPR", ["nullif", OPERATION]],
  ["SCALARARRAYOPEXPR", ["each", EACH]],
  ["RELABELTYPE", ["relabel", COERCION]],
  ["COERCEVIAIO", ["as text", COERCION]],
  ["COERCETODOMAIN", ["domain", COERCION]],
  ["COERCETODOMAINVALUE", ["value of the domain", TESTED]],
  ["NULLTEST", ["is null", { arg: "node", nulltesttype: "number", argisrow: "flag" }]],
  ["BOOLEANTEST", ["is", { arg: "node", booltesttype: "number" }]],
  ["SQLVALUEFUNCTION", ["value", { op: "number", type: "type", typmod: "modifier" }]],
  ["CASE", ["case", CASE]],
  ["CASEEXPR", ["case", CASE]],
  ["WHEN", ["when", WHEN]],
  ["CASEWHEN", ["when", WHEN]],
  ["CASETESTEXPR", ["tested", TESTED]],
  ["COALESCE", ["coalesce", COALESCE]],
  ["COALESCEEXPR", ["coalesce", COALESCE]],
  ["MINMAX", ["extreme", EXTREME]],
  ["MINMAXEXPR", ["extreme", EXTREME]],
  ["ARRAY", ["array", ARRAY]],
  ["ARRAYEXPR", ["array", ARRAY]],
  ["COLLATE", ["collate", COLLATE]],
  ["COLLATEEXPR", ["collate", COLLATE]],
  ["SUBSCRIPTINGREF", ["element", ELEMENT]],
] satisfies [string, [string, Fields]][]);

const VAR: Fields = { varno: "number", varattno: "number", vartype: "type", vartypmod: "modifier" };
const BOOL: Fields = { boolop: "number", args: "nodes" };
const CONST: Fields = {
  consttype: "type",
  consttypmod: "modifier",
  constlen: "number",
  constbyval: "flag",
  constisnull: "flag",
  constvalue: "nodes",
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
    const [name, fields] = kind;
    checkFields(node, fields);
    let head = "";
    let type = "";
    const parts: string[] = [];
    const extras: string[] = [];
    // In the order of the table above, not of the tree: that is what makes versions alike.
    for (const [field, role] of Object.entries(fields)) {
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
    return `${[name, head].filter(Boolean).join(" ")}(${parts.join(", ")})${type}${said}`;
  }

  #list(node: Node, field: string): string[] {
    const list = single(node, field);
    const isIndex = node.name === "SUBSCRIPTINGREF";
    if (list === "<>") return isIndex ? ["-"] : [];
    if (typeof list === "string" || isNode(list))
      throw new NotUnderstood(`${node.name} with ${field} that is not a list`);
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
    checkFields(node, BOOL);
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
    const { claimed, bytes } = bytesOf(values);
    const length = number(node, "constlen");
    if (!flag(node, "constbyval")) return `${byReference(bytes, length, claimed)}${type}`;
    const value = byValue(bytes, length, claimed);
    const isRelation = oid === REGCLASS && value === BigInt.asUintN(32, value);
    return `${isRelation ? this.#names.relation(`${value}`) : value}${type}`;
  }
}

/** Refuses a node with a field that is not known, or with something in one that has to be empty. */
function checkFields(node: Node, fields: Fields): void {
  for (const [field, values] of node.fields) {
    if (Object.hasOwn(fields, field) || DISPLAY.has(field)) continue;
    if (!UNSET.has(field)) throw new NotUnderstood(`${node.name} with a field ${JSON.stringify(field.slice(0, 40))}`);
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
    throw new NotUnderstood(`${node.name} with ${field} that is not a number`);
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

/** `4 [ 5 0 0 0 0 0 0 0 ]`: how long it claims to be, and bytes with a sign. */
function bytesOf(values: readonly Value[]): { readonly claimed: number; readonly bytes: Buffer } {
  const [claimed, open, ...rest] = values;
  const close = rest.pop();
  const isByte = (value: Value): value is string =>
    typeof value === "string" && /^-?\d{1,3}$/u.test(value) && Number(value) >= -128 && Number(value) <= 255;
  if (
    typeof claimed !== "string" ||
    !/^\d{1,7}$/u.test(claimed) ||
    open !== "[" ||
    close !== "]" ||
    !rest.every(isByte)
  )
    throw new NotUnderstood("a constant that is not bytes");
  return { claimed: Number(claimed), bytes: Buffer.from(rest.map(Number)) };
}

/** A word of memory, as a number: all of it, since the type that reads it decides how much of it counts. */
function byValue(bytes: Buffer, length: string, claimed: number): bigint {
  if (/^[1248]$/u.test(length) && claimed === Number(length)) {
    if (bytes.length === 8) return bytes.readBigInt64LE();
    if (bytes.length === 4) return BigInt(bytes.readInt32LE());
  }
  throw new NotUnderstood("a word of another length");
}

/** Bytes in memory. A value of variable length (-1) begins with 4 bytes that say how long it is, and are left out. */
function byReference(bytes: Buffer, length: string, claimed: number): string {
  if (bytes.length !== claimed) throw new NotUnderstood("a constant that is not as long as it says");
  if (length !== "-1") return `${length} x${bytes.toString("hex")}`;
  if (bytes.length < 4 || bytes.readUInt32LE() !== bytes.length * 4)
    throw new NotUnderstood("a constant that is compressed, or not as long as it says");
  const body = bytes.subarray(4);
  const text = body.toString("latin1");
  return /^[\u0020-\u007e]*$/u.test(text) ? JSON.stringify(text) : `x${body.toString("hex")}`;
}
