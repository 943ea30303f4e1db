import { createHash } from "node:crypto";
import { Markup, markup } from "./markup/markup.ts";
import type { Status } from "./page-data.ts";
import { STYLE } from "./markup/style.ts";
import { icon } from "./markup/verdict-mark.ts";

/** Nothing but this very style sheet, and the icon, which stands in the page. */
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`,
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** A whole HTML document in UTF-8. */
export function htmlDocument(title: string, status: Status, body: Markup): string {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Markup(POLICY)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>${title}</title>
${icon(status)}
<style>${new Markup(STYLE)}</style>
</head>
<body class="${status}">
${body}
</body>
</html>
`.source;
}
