import { VerifierError } from "../errors.ts";

/** What a field of a node can be: another node, a list, a datum's bytes, or a word; null for `<>`. */
export type NodeValue = NodeText | readonly NodeValue[] | Uint8Array | string | null;

/** A node as the server writes it: `{NAME :field value …}`. */
export interface NodeText {
  readonly name: string;
  readonly fields: ReadonlyMap<string, NodeValue>;
}

export const isNode = (value: NodeValue | undefined): value is NodeText =>
  typeof value === "object" && value !== null && !Array.isArray(value) && "fields" in value;

/** No bound is nested deeper: deeper text comes from somebody else. */
const MAX_DEPTH = 20;

/**
 * Reads the text form of a node (`pg_node_tree`): nodes in braces, lists in parentheses, a datum as its length and its
 * bytes in brackets, in decimal, signed or not.
 *
 * @throws VerifierError `protocol`
 */
export function parseNode(text: string): NodeText {
  const tokens: readonly string[] = text.match(/[{}()[\]]|<>|[^\s{}()[\]]+/gu) ?? [];
  let at = 0;
  const malformed = () => new VerifierError("protocol", `not a node: ${text.slice(0, 60)}`);
  const value = (depth: number): NodeValue => {
    if (depth > MAX_DEPTH) throw malformed();
    const token = tokens[at++];
    if (token === undefined) throw malformed();
    if (token === "{") return node(depth);
    if (token === "(") {
      const items: NodeValue[] = [];
      while (tokens[at] !== ")") items.push(value(depth + 1));
      at++;
      return items;
    }
    if (token === "<>") return null;
    if (/^\d+$/u.test(token) && tokens[at] === "[") return bytes(Number(token));
    if ("})[]".includes(token)) throw malformed();
    return token;
  };
  const bytes = (length: number): Uint8Array => {
    const end = tokens.indexOf("]", at);
    const numbers = tokens.slice(at + 1, end).map(Number);
    if (end === -1 || numbers.some((n) => !Number.isInteger(n) || n < -128 || n > 255)) throw malformed();
    // A value that is passed as such is written in the 8 bytes of a datum, whatever its length is.
    if (numbers.length !== length && numbers.length !== 8) throw malformed();
    at = end + 1;
    return Uint8Array.from(numbers);
  };
  const node = (depth: number): NodeText => {
    const name = tokens[at++];
    const fields = new Map<string, NodeValue>();
    while (tokens[at] !== "}") {
      const field = tokens[at++];
      if (field?.startsWith(":") !== true || fields.has(field)) throw malformed();
      fields.set(field.slice(1), value(depth + 1));
    }
    at++;
    return { name: name ?? "", fields };
  };
  if (tokens[at++] !== "{") throw malformed();
  const root = node(0);
  if (at !== tokens.length) throw malformed();
  return root;
}
