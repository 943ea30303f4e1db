/**
 * PostgreSQL's text of a tree of nodes (`nodeToString` in outfuncs.c), as `debug_print_plan` sends it and as
 * `pg_node_tree` columns hold it:
 *
 *     {PLANNEDSTMT :commandType 1 :planTree {SEQSCAN :scan.plan.targetlist (…) :scan.scanrelid 1} :relationOids (o 1247)}
 *
 * A node is a name and labelled fields; a field holds atoms, nodes and lists. Atoms end at white space and at brackets,
 * unless a backslash stands before; `<>` is nothing. Since PostgreSQL 16 labels begin with where the field is inherited
 * from (`scan.plan.qual`), which is cut off here.
 *
 * What is read here comes from a database that may be hostile, and names in it can hold anything. So everything that is
 * not in exactly this form is refused, and so is a field that is there twice.
 */
export interface Node {
  readonly name: string;
  readonly fields: ReadonlyMap<string, readonly Value[]>;
}

/** An atom (with its escapes resolved, texts keep their quotes), a node or a list. */
export type Value = string | Node | readonly Value[];

/** The text is not what PostgreSQL prints. */
export class NodeTextError extends Error {
  override readonly name = "NodeTextError";
}

/** Deeper than any tree that the verifier has to read. */
const MAX_DEPTH = 200;

/** @throws {NodeTextError} */
export function parseNodeText(text: string): Node {
  const reader = new Reader(text);
  const node = reader.value(0);
  if (!reader.isAtEnd || !isNode(node)) throw new NodeTextError("not one node");
  return node;
}

export const isNode = (value: Value | undefined): value is Node => typeof value === "object" && "fields" in value;

/** A field's list; empty where it is something else. */
export const listOf = (values: readonly Value[] | undefined): readonly Value[] => {
  const [list] = values ?? [];
  return typeof list === "object" && !isNode(list) ? list : [];
};

/** A field's atom, such as a number; empty where it is something else. */
export const atomOf = (value: Value | undefined, label: string): string => {
  const [atom] = isNode(value) ? (value.fields.get(label) ?? []) : [];
  return typeof atom === "string" ? atom : "";
};

const [SPACE, LINE_FEED, BACKSLASH, COLON] = [0x20, 0x0a, 0x5c, 0x3a];
const [OPEN_LIST, CLOSE_LIST, OPEN_NODE, CLOSE_NODE] = [0x28, 0x29, 0x7b, 0x7d];

/** Hundreds of tables have thousands of plans: characters are compared as numbers, and atoms cut out whole. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#skip();
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }

  value(depth: number): Value {
    if (depth > MAX_DEPTH) throw new NodeTextError(`deeper than ${MAX_DEPTH}`);
    if (this.#take(OPEN_NODE)) return this.#node(depth);
    if (this.#take(OPEN_LIST)) return this.#list(depth);
    return this.#atom();
  }

  #node(depth: number): Node {
    const name = this.#atom();
    const fields = new Map<string, readonly Value[]>();
    while (!this.#take(CLOSE_NODE)) {
      // Not of an atom that begins with an escaped colon.
      const isLabel = this.#isNext(COLON);
      const label = this.#atom();
      if (!isLabel) throw new NodeTextError(`a field of ${name} has no label`);
      const short = label.slice(Math.max(label.lastIndexOf("."), 0) + 1);
      if (fields.has(short)) throw new NodeTextError(`${name} has ${short} twice`);
      const values: Value[] = [];
      while (!this.#isNext(COLON) && !this.#isNext(CLOSE_NODE)) values.push(this.value(depth + 1));
      fields.set(short, values);
    }
    return { name, fields };
  }

  #list(depth: number): Value[] {
    const list: Value[] = [];
    while (!this.#take(CLOSE_LIST)) list.push(this.value(depth + 1));
    return list;
  }

  #atom(): string {
    const start = this.#at;
    let from = start;
    let unescaped = "";
    for (; this.#at < this.#text.length; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === BACKSLASH) {
        unescaped += this.#text.slice(from, this.#at);
        from = ++this.#at;
      } else if (
        code === SPACE ||
        code === LINE_FEED ||
        code === CLOSE_LIST ||
        code === OPEN_LIST ||
        code === CLOSE_NODE ||
        code === OPEN_NODE
      )
        break;
    }
    const atom = unescaped + this.#text.slice(from, this.#at);
    if (atom === "") throw new NodeTextError(`no value at ${start}`);
    this.#skip();
    return atom;
  }

  #isNext(code: number): boolean {
    return this.#text.charCodeAt(this.#at) === code;
  }

  #take(code: number): boolean {
    if (!this.#isNext(code)) return false;
    this.#at++;
    this.#skip();
    return true;
  }

  #skip(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== SPACE && code !== LINE_FEED) return;
      this.#at++;
    }
  }
}
