/** Longer texts than the verifier passes on are cut, in UTF-16 units. */
export const MAX_SHOWN = 4_000;

/** So many marks can stand on one letter in honest text; more are painted over its neighbours. */
const MAX_MARKS = 4;

/**
 * What cannot be seen, or makes other text look different from what it is:
 *
 * - controls, and format characters (bidirectional and zero-width ones among them);
 * - separators and spaces other than the plain one;
 * - code points that fonts ignore or do not have, and lone surrogates;
 * - piles of combining marks.
 */
const UNSEEN = new RegExp(
  String.raw`(?<marks>(?<=\p{M}{${MAX_MARKS}})\p{M}+)|[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}`,
  "gu",
);

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * Text from a hostile source as HTML. It cannot be markup. Each character that would not be seen is shown by its
 * number, `U+202E`, in an element of its own, so that it differs from these six letters in the text.
 *
 * @param max where it is cut, in UTF-16 units
 */
export function showText(text: string, max = MAX_SHOWN): string {
  const cut = text.length > max ? text.slice(0, max) : text;
  let shown = "";
  let at = 0;
  for (const match of cut.matchAll(UNSEEN)) {
    shown += escape(cut.slice(at, match.index));
    shown += `<span class="ch">${match.groups?.["marks"] === undefined ? codePoint(match[0]) : `${Array.from(match[0]).length} more marks`}</span>`;
    at = match.index + match[0].length;
  }
  shown += escape(cut.slice(at));
  return cut === text ? shown : `${shown}<span class="ch">${text.length - max} more</span>`;
}

const escape = (text: string) => text.replaceAll(/[&<>"']/gu, (character) => ESCAPES[character] ?? "");

const codePoint = (character: string) =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
