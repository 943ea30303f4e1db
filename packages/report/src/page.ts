import { count } from "./markup/amount.ts";
import { htmlDocument } from "./document.ts";
import { accepted } from "./sections/accepted.ts";
import { earlierLogs } from "./sections/earlier-logs.ts";
import { findings } from "./sections/findings.ts";
import { history } from "./sections/history.ts";
import { markup } from "./markup/markup.ts";
import type { PageData } from "./page-data.ts";
import { published } from "./sections/published.ts";
import { rowsLeft } from "./sections/rows-left.ts";
import { tables } from "./sections/tables.ts";
import { timeLine } from "./sections/time-line.ts";
import { unchecked } from "./sections/unchecked.ts";
import { verdict, VERDICTS } from "./sections/verdict.ts";

/**
 * One self-contained page about a verification, as a whole HTML document in UTF-8. It has no script and loads nothing,
 * and its content security policy allows neither. All text is escaped, and what would not be seen in it is shown.
 */
export function page(data: PageData): string {
  const { report } = data;
  return htmlDocument(
    `${VERDICTS[report.status]}: audit chain ${data.origin ?? ""}`,
    report.status,
    markup`<a class="skip" href="#content">To the content</a>
${verdict(data)}
<main id="content">
${timeLine(data)}
${findings(data)}
${accepted(report)}
${unchecked(data)}
${tables(data)}
${rowsLeft(report)}
${earlierLogs(report)}
${published(data)}
${history(data)}
</main>
<footer>
<p>Made by <code>${data.command}</code>. This page has no script and loads nothing; <code>--json</code> gives the same to a machine. It says what was so when it was made: whoever can change this file can make it say anything.</p>
${report.head === null ? null : markup`<dl><div><dt>Last link</dt><dd>${count(report.head.seq)}, ${report.head.appendedAt}</dd></div><div><dt>Its chain hash</dt><dd><code>${report.head.chainHash}</code></dd></div></dl>`}
</footer>`,
  );
}
