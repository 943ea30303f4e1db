import { showText } from "./show-text.ts";

/** HTML that is safe to put into a page as it is. */
export class Markup {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

/** What can stand in a `markup` template: text is escaped, markup is not, null is nothing. */
export type Part = Markup | string | number | null | readonly Part[];

/**
 * Puts HTML together. Whatever is put in that is not itself `Markup` is shown as text: nobody can forget to escape it.
 * In attributes, only constants and numbers of our own may be put in.
 */
export function markup(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  let source = strings[0] ?? "";
  for (const [i, part] of parts.entries()) source += sourceOf(part) + (strings[i + 1] ?? "");
  return new Markup(source);
}

function sourceOf(part: Part): string {
  if (part === null) return "";
  if (part instanceof Markup) return part.source;
  if (typeof part === "string") return showText(part);
  if (typeof part === "number") return String(part);
  return part.map(sourceOf).join("");
}
