import { count, counted, durationText, linksText } from "../markup/amount.ts";
import { checkName } from "../markup/check-names.ts";
import { type Markup, markup } from "../markup/markup.ts";
import { momentText } from "../markup/moment.ts";
import type { PageData, PageReport, Status } from "../page-data.ts";
import { mark } from "../markup/verdict-mark.ts";

export const VERDICTS: Readonly<Record<Status, string>> = {
  intact: "Intact",
  tampered: "Tampered",
  unproven: "Not proven",
};

/** The top of the page: what was verified, the verdict, and the numbers that go with it. */
export function verdict(data: PageData): Markup {
  const { report, origin, database, verifiedAt } = data;
  return markup`<header class="top">
<p class="kicker">Verification of an audit chain${origin === null ? null : markup` · <bdi>${origin}</bdi>`}</p>
<h1 class="verdict">${mark(report.status)}${VERDICTS[report.status]}</h1>
${notCovered(report)}
<p class="lead">${sentence(data)}</p>
<p class="about">Verified ${momentText(verifiedAt / 1000)}${database === null ? null : markup`, database <bdi>${database}</bdi>`}, in ${durationText(report.durationMs / 1000)}.</p>
${numbers(data)}
</header>`;
}

/** No verdict is said without the columns that nobody has taken in yet. */
function notCovered({ notCovered: columns }: PageReport): Markup | null {
  if (columns.length === 0) return null;
  const names = columns.slice(0, 10).map(({ relation, column }) => `${relation.replace(/^public\./u, "")}.${column}`);
  const more = columns.length - names.length;
  return markup`<p class="lead"><strong>${counted(columns.length, "column")} not covered yet:</strong> <bdi>${names.join(", ")}</bdi>${more > 0 ? ` and ${more} more` : null}. What stands there is not protected until <code>audit-chain sync</code> has taken it in.</p>`;
}

function sentence({ report, isWhole }: PageData): Markup {
  if (report.status === "tampered") {
    const first = report.firstDivergence;
    const found = counted(report.divergenceCount, "finding");
    return first === null
      ? markup`${found}: something is not what was recorded.`
      : markup`${found}: something is not what was recorded. The first one: <a href="#first">${checkName(first.check).title.toLowerCase()}</a>.`;
  }
  if (report.status === "unproven")
    return markup`Nothing was found, but <a href="#unchecked">not everything could be checked</a>. That is no all-clear.`;
  const accepted = report.accepted.length === 0 ? null : markup`, or <a href="#accepted">was accepted as it is</a>`;
  return isWhole
    ? markup`Everything that was checked is what was recorded${accepted}.`
    : markup`Everything in the part that was checked is what was recorded${accepted}. The rest was not looked at.`;
}

function numbers({ report }: PageData): Markup {
  const { range, anchoredTo, unanchored, pending, pendingAge } = report;
  return markup`<dl class="numbers">
<div><dt>Links checked</dt><dd>${count(report.rows)}<small>${range.to < range.from ? "none in the range" : linksText(range.from, range.to)}</small></dd></div>
<div><dt>Anchored</dt><dd>${anchoredTo === 0n ? "none" : `to ${count(anchoredTo)}`}<small>by a signed, published head</small></dd></div>
<div><dt>Not anchored</dt><dd>${count(unanchored)}<small>${notAnchored(unanchored)}</small></dd></div>
<div><dt>Waiting</dt><dd>${count(pending)}<small>${pending === 0n || pendingAge === null ? "captured rows to be linked" : `not linked yet, the oldest for ${durationText(pendingAge)}`}</small></dd></div>
</dl>`;
}

function notAnchored(links: bigint): string {
  if (links === 0n) return "links newer than that";
  return `newer ${links === 1n ? "link" : "links"}, which can still be rewritten unseen`;
}
