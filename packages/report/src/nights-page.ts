import { htmlDocument } from "./document.ts";
import { count, counted } from "./markup/amount.ts";
import { type Markup, markup, type Part } from "./markup/markup.ts";
import { momentText } from "./markup/moment.ts";
import { stackedTable } from "./markup/stacked-table.ts";
import { mark } from "./markup/verdict-mark.ts";
import type { NightsData } from "./nights-data.ts";
import type { Status } from "./page-data.ts";
import { months } from "./sections/months.ts";

/** So many rows of a table are shown. */
const MAX_ROWS = 200;

/**
 * One self-contained page about the nights that a verifier has signed, as a whole HTML document in UTF-8, in the same way as
 * `page`.
 */
export function nightsPage(data: NightsData): string {
  const { nights, broken, gaps, verifier, command } = data;
  const status: Status =
    broken.length > 0 ? "tampered" : gaps.length > 0 || nights.length === 0 ? "unproven" : "intact";
  const title = TITLES[nights.length === 0 && broken.length === 0 ? "none" : status];
  const last = nights.at(-1);
  return htmlDocument(
    `${title}: nights of ${verifier}`,
    status,
    markup`<a class="skip" href="#content">To the content</a>
<header class="top">
<p class="kicker">Nights of a verifier · <bdi>${verifier}</bdi></p>
<h1 class="verdict">${mark(status)}${title}</h1>
<p class="lead">${sentence(data)}</p>
<p class="about">${span(data)}</p>
${numbers(data)}
</header>
<main id="content">
${changedLines(data)}
${gapsTable(data)}
${months(data)}
${otherNights(data)}
${changesTable(data)}
</main>
<footer>
<p>Made by <code>${command}</code>. Each night was signed by the verifier's own keys and names the one before it. This page has no script and loads nothing; <code>--json</code> gives the same to a machine. It says what was so when it was made: whoever can change this file can make it say anything.</p>
${last?.head == null ? null : markup`<dl><div><dt>Newest night</dt><dd>${moment(last.at)}, link ${count(last.head.seq)}</dd></div><div><dt>Its chain hash</dt><dd><code>${last.head.chainHash}</code></dd></div></dl>`}
</footer>`,
  );
}

const TITLES = {
  intact: "No night is missing",
  unproven: "There are gaps",
  tampered: "Nights were changed",
  none: "No nights",
};

const moment = (at: string): string => momentText(Date.parse(at) / 1000);

function sentence({ broken, gaps, nights, maxGap }: NightsData): Markup {
  if (broken.length > 0)
    return markup`${counted(broken.length, "line")} of this log <a href="#broken">${broken.length === 1 ? "is" : "are"} not what was signed</a>: nights were changed, taken out or forged.`;
  if (nights.length === 0) return markup`Nobody has signed a night in this time.`;
  if (gaps.length > 0)
    return markup`There was no verdict for longer than ${maxGap}, <a href="#gaps">${gaps.length === 1 ? "once" : counted(gaps.length, "time")}</a>.`;
  return markup`There was never a time of more than ${maxGap} without a verdict.`;
}

function span({ since, until, nights }: NightsData): string {
  const from = since ?? nights[0]?.at;
  return from === undefined ? `Up to ${moment(until)}.` : `From ${moment(from)} to ${moment(until)}.`;
}

function numbers({ nights, counts, gaps }: NightsData): Markup {
  return markup`<dl class="numbers">
<div><dt>Nights</dt><dd>${count(nights.length)}<small>signed, each naming the one before</small></dd></div>
<div><dt>Intact</dt><dd>${count(counts.intact)}<small>nothing was found</small></dd></div>
<div><dt>Tampered</dt><dd>${count(counts.tampered)}<small>something was found</small></dd></div>
<div><dt>Not proven</dt><dd>${count(counts.unproven)}<small>not everything could be checked</small></dd></div>
<div><dt>Gaps</dt><dd>${count(gaps.length)}<small>without a verdict</small></dd></div>
</dl>`;
}

/** A section with a table of the newest rows; null where there are none. */
function section(
  id: string,
  heading: string,
  columns: readonly (readonly [name: string, classes: string])[],
  rows: readonly (readonly Part[])[],
): Markup | null {
  if (rows.length === 0) return null;
  const older = rows.length - MAX_ROWS;
  return markup`<section aria-labelledby="${id}">
<h2 id="${id}">${heading}</h2>
${older > 0 ? markup`<p>${count(older)} older ones are left out here.</p>` : null}
${stackedTable(id, columns, rows.slice(-MAX_ROWS))}
</section>`;
}

const changedLines = ({ broken }: NightsData): Markup | null =>
  section(
    "broken",
    "Lines that are not what was signed",
    [
      ["Line", "c-word"],
      ["What", ""],
    ],
    broken.map(({ line, message }) => [count(line), markup`<bdi>${message}</bdi>`]),
  );

const gapsTable = ({ gaps }: NightsData): Markup | null =>
  section(
    "gaps",
    "Times without a verdict",
    [
      ["From", ""],
      ["To", ""],
      ["Hours", "number"],
    ],
    gaps.map(({ from, to, hours }) => [moment(from), moment(to), count(hours)]),
  );

const otherNights = ({ nights }: NightsData): Markup | null =>
  section(
    "others",
    "Nights that were not intact",
    [
      ["Signed", "c-night"],
      ["Verdict", ""],
      ["Findings", "number"],
      ["Last link", "number"],
    ],
    nights
      .filter(({ status }) => status !== "intact")
      .map(({ at, status, findings, head }) => [
        moment(at),
        status === "tampered" ? markup`<b class="bad">Tampered</b>` : "Not proven",
        status === "tampered" ? count(findings) : markup`<span class="none">none</span>`,
        head === null ? markup`<span class="none">none</span>` : count(head.seq),
      ]),
  );

const WHAT: Readonly<Record<string, string>> = {
  approval: "Approval",
  acceptance: "Acceptance",
  policy: "Policy",
  database: "Database",
  log: "Log",
};

const changesTable = ({ changes }: NightsData): Markup | null =>
  section(
    "decided",
    "What was decided, or exchanged",
    [
      ["First night with it", "c-night"],
      ["What", "c-word"],
      ["It says", ""],
    ],
    changes.map(({ at, what, message }) => [
      moment(at),
      Object.hasOwn(WHAT, what) ? (WHAT[what] ?? "") : markup`<bdi>${what}</bdi>`,
      markup`<bdi>${message}</bdi>`,
    ]),
  );
