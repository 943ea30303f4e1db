import { VerifierError } from "../../finding/errors.ts";

/** Reads the text form of a one-dimensional PostgreSQL array of text (documentation, 8.15.6). NULL elements are refused. */
export function parseArrayText(text: string): string[] {
  const malformed = () => new VerifierError("protocol", `not a text array: ${JSON.stringify(text.slice(0, 60))}`);
  if (!text.startsWith("{") || !text.endsWith("}")) throw malformed();
  const elements: string[] = [];
  let at = 1;
  while (at < text.length - 1) {
    let element = "";
    if (text[at] === '"') {
      for (at++; text[at] !== '"'; at++) {
        if (at >= text.length - 1) throw malformed();
        if (text[at] === "\\") at++;
        element += text[at] ?? "";
      }
      at++;
    } else {
      const end = text.slice(at).search(/[,}]/u);
      element = text.slice(at, at + end);
      // The server quotes white space of ASCII, and no other.
      if (element === "" || element === "NULL" || /[{"\\ \t\n\v\f\r]/u.test(element)) throw malformed();
      at += end;
    }
    elements.push(element);
    if (text[at] === "," && at < text.length - 2) at++;
    else if (at !== text.length - 1) throw malformed();
  }
  return elements;
}
