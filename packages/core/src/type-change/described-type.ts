/**
 * Descriptions of types, as the configuration records them for each column (`audit_chain_type_description`), taken apart:
 *
 *     numeric(10,2)                        a name, and modifiers in it
 *     timestamp(3) without time zone
 *     integer[]                            an array
 *     "public"."mood"{'a','b'}             an enum with its labels
 *     "public"."mood"[]{'a','b'}           an array of them
 *     "public"."cents"=numeric(10,2)       a domain, which is left out: what it is made of counts
 *     "public"."cents"[]=numeric(10,2)     an array of a domain
 *
 * Composites are made of others too, and are known by their whole description only. A range that somebody made is described
 * as a domain is. Nothing in the text tells them apart, so whoever asks must know that a type is no range.
 */

/** A type, by what its text depends on. Domains are taken off. */
export type DescribedType =
  | { readonly kind: "array"; readonly text: string; readonly element: DescribedType }
  | { readonly kind: "enum"; readonly text: string; readonly name: string; readonly labels: readonly string[] }
  /** A type of PostgreSQL's own: `character varying`, [20]; `timestamp without time zone`, [3]. */
  | { readonly kind: "builtin"; readonly text: string; readonly name: string; readonly modifiers: readonly number[] }
  /** Any other. */
  | { readonly kind: "other"; readonly text: string };

/** How deep domains and arrays may be made of each other. The reader of catalogs stops earlier. */
const MAX_DEPTH = 64;

/** Takes a description apart. A text that is none is an `other` type, which equals itself only. */
export function describedType(text: string, depth = 0): DescribedType {
  const builtin = /^([a-z][a-z0-9 ]*?)(?:\((-?\d+)(?:,(-?\d+))?\))?( with(?:out)? time zone)?(\[\])?$/u.exec(text);
  if (builtin !== null) {
    const [, name = "", first, second, zone = "", brackets] = builtin;
    if (brackets !== undefined) return arrayOf(text, describedType(text.slice(0, -brackets.length), depth + 1));
    const modifiers = [first, second].filter((modifier) => modifier !== undefined).map(Number);
    return { kind: "builtin", text, name: name + zone, modifiers };
  }
  const named = /^((?:"(?:[^"]|"")*")\.(?:"(?:[^"]|"")*"))(\[\])?([={])/u.exec(text);
  if (named === null || depth > MAX_DEPTH) return { kind: "other", text };
  const [head, name = "", brackets, sign] = named;
  if (brackets !== undefined) {
    const element = describedType(`${name}${text.slice(name.length + brackets.length)}`, depth + 1);
    return arrayOf(text, element);
  }
  if (sign === "=") return describedType(text.slice(head.length), depth + 1);
  const labels = labelsIn(text.slice(head.length - 1));
  return labels === undefined ? { kind: "other", text } : { kind: "enum", text, name, labels };
}

const arrayOf = (text: string, element: DescribedType): DescribedType => ({ kind: "array", text, element });

/** The labels in `{'a','b'}`, written as string constants. */
function labelsIn(text: string): readonly string[] | undefined {
  const body = /^\{(.*)\}$/su.exec(text)?.[1];
  if (body === undefined) return undefined;
  if (body === "") return [];
  const labels: string[] = [];
  const label = /(?:E'((?:[^'\\]|''|\\\\)*)'|'((?:[^'\\]|'')*)')(,|$)/suy;
  for (let hasMore = true; hasMore;) {
    const found = label.exec(body);
    if (found === null) return undefined;
    const [, escaped, plain = "", comma] = found;
    labels.push((escaped?.replaceAll("\\\\", "\\") ?? plain).replaceAll("''", "'"));
    hasMore = comma === ",";
    if (!hasMore && label.lastIndex !== body.length) return undefined;
  }
  return labels;
}
