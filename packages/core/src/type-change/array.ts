/**
 * Arrays, element by element. `array_out` (`utils/adt/arrayfuncs.c`) puts an element in double quotes, with `\` before `"` and
 * `\`, where it is empty, is the word NULL in any case, or has one of `{},"\` or ASCII white space in it:
 *
 *     {1,NULL,3}     [0:1]={a,"b c"}     {{"",x},{"null","\""}}
 */
import type { Reading } from "./reading.ts";

const BARE = /[^{},"\\ \t\n\r\v\f]+/uy;
const NEEDS_QUOTES = /^$|^null$|[{},"\\ \t\n\r\v\f]/iu;

/** An array whose elements are of another type now. `element` reads one text at most for each. */
export const arrayReading =
  (element: Reading): Reading =>
  (live) => {
    let at = /^(?:\[-?\d+:-?\d+\])+=/u.exec(live)?.[0].length ?? 0;
    const old = [live.slice(0, at)];
    while (at < live.length) {
      const token = tokenAt(live, at);
      if (token === "") return [];
      at += token.length;
      if (isMark(token) || token === "NULL") {
        old.push(token);
        continue;
      }
      const value = token.startsWith('"') ? token.slice(1, -1).replaceAll(/\\([\s\S])/gu, "$1") : token;
      if (elementText(value) !== token) return [];
      const texts = element(value);
      if (texts?.[0] === undefined) return texts;
      old.push(elementText(texts[0]));
    }
    return [old.join("")];
  };

/** A mark, or an element as it is written; empty where there is neither. */
function tokenAt(text: string, start: number): string {
  if (isMark(text.charAt(start))) return text.charAt(start);
  if (text.charAt(start) === '"') return text.slice(start, endOfQuotes(text, start));
  BARE.lastIndex = start;
  return BARE.exec(text)?.[0] ?? "";
}

const isMark = (token: string): boolean => token === "{" || token === "}" || token === ",";

/** Where quotes that begin at `start` end. A regular expression would run out of stack on elements of megabytes. */
function endOfQuotes(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text.charAt(at) === "\\") at++;
    else if (text.charAt(at) === '"') return at + 1;
  }
  return start;
}

const elementText = (value: string): string =>
  NEEDS_QUOTES.test(value) ? `"${value.replaceAll(/["\\]/gu, String.raw`\$&`)}"` : value;
