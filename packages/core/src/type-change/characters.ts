/**
 * Texts: types that keep what was typed, and types whose values became `text` or `character varying`. n counts characters,
 * not UTF-16 units and not bytes (`pg_mbstrlen` in `utils/adt/varchar.c`).
 *
 * - `character(n)` stands padded with blanks to n characters. A longer one has more blanks. The cast to `text` removes them
 *   all (`rtrim1` in `utils/adt/oracle_compat.c`).
 * - An assignment to `character varying(n)` removes blanks beyond n characters without a word, and refuses any other
 *   character there (`varchar` in `utils/adt/varchar.c`). How many blanks there were is lost, so n must be so large that
 *   nothing is beyond it.
 * - `boolean` prints as `t` and `f`, and becomes the texts `true` and `false` (`booltext` in `utils/adt/bool.c`).
 * - An enum, a `uuid`, an integer, a `name` and `json` become the text that they are printed with.
 */
import type { DescribedType } from "./described-type.ts";
import { isInteger } from "./numbers.ts";
import { one, type Reading, same, sameWhere } from "./reading.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/u;

/** A `name` has at most as many bytes (`NAMEDATALEN`), and so as many characters. */
const MAX_NAME = 63;

/** The length of a text in characters. */
export const characters = (text: string): number => {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
};

/** The bound of `text` and `character varying`: infinite without one, null for other types. */
export function textBound(type: DescribedType): number | null {
  if (type.kind !== "builtin") return null;
  if (type.name === "text") return Infinity;
  return type.name === "character varying" ? (type.modifiers[0] ?? Infinity) : null;
}

/** A type that became `text` or `character varying`. `bound` is the length of the latter. */
export function textReading(before: DescribedType, bound: number): Reading | null {
  if (before.kind === "enum") {
    const labels = new Set(before.labels);
    const isWhole = before.labels.every((label) => characters(label) <= bound);
    return isWhole ? sameWhere((text) => labels.has(text)) : null;
  }
  if (before.kind !== "builtin") return null;
  const ownBound = textBound(before);
  if (ownBound !== null) return ownBound <= bound ? sameWhere((text) => characters(text) <= ownBound) : null;
  const canBeOld = isInteger(before.name);
  if (canBeOld !== null) return sameWhere(canBeOld);
  if (before.name === "boolean") {
    return one((live) => (live === "true" ? "t" : live === "false" ? "f" : undefined));
  }
  if (before.name === "uuid") return sameWhere((text) => UUID.test(text));
  if (before.name === "name") return bound >= MAX_NAME ? same : null;
  if (before.name === "json") return bound === Infinity ? same : null;
  const length = paddedLength(before);
  return length === null ? null : one((live) => (live.endsWith(" ") ? undefined : padded(live, length)));
}

/** A `character(n)` that became a longer one. */
export function paddedReading(before: DescribedType, now: DescribedType): Reading | null {
  const [length, lengthNow] = [paddedLength(before), paddedLength(now)];
  if (length === null || lengthNow === null || length >= lengthNow) return null;
  const blanks = " ".repeat(lengthNow - length);
  return one((live) => {
    if (characters(live) !== lengthNow || !live.endsWith(blanks)) return undefined;
    return live.slice(0, -blanks.length);
  });
}

/** The n of `character(n)`; null for other types, and for `bpchar` without a length. */
function paddedLength(type: DescribedType): number | null {
  return type.kind === "builtin" && type.name === "character" ? (type.modifiers[0] ?? null) : null;
}

function padded(text: string, length: number): string | undefined {
  const missing = length - characters(text);
  return missing < 0 ? undefined : text + " ".repeat(missing);
}
