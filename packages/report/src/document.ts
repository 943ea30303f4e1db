import { createHash } from "node:crypto";
import { Markup, markup } from "./markup/markup.ts";
import type { Status } from "./page-data.ts";
import { STYLE } from "./markup/style.ts";
import { icon } from "./markup/verdict-mark.ts";

/** What a page has besides its text: a style of its own, and a script. */
interface Parts {
  readonly style: string;
  readonly script: string;
}

const sourceOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** Nothing but this very style sheet, the icon, which stands in the page, and this very script, if there is one. */
const policyOf = (style: string, script: string | undefined): string =>
  [
    "default-src 'none'",
    `style-src ${sourceOf(style)}`,
    ...(script === undefined ? [] : [`script-src ${sourceOf(script)}`, "require-trusted-types-for 'script'"]),
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");

/** A whole HTML document in UTF-8. A script must be one that nothing can end early: `</script` does not stand in it. */
export function htmlDocument(title: string, status: Status | "asked", body: Markup, parts?: Parts): string {
  const style = STYLE + (parts?.style ?? "");
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Markup(policyOf(style, parts?.script))}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>${title}</title>
${icon(status)}
<style>${new Markup(style)}</style>
</head>
<body class="${status}">
${body}
${parts === undefined ? null : new Markup(`<script>${parts.script}</script>`)}
</body>
</html>
`.source;
}
