import { count, counted } from "../markup/amount.ts";
import { CHECK_GROUP_MEANINGS } from "../markup/check-names.ts";
import { type Markup, markup } from "../markup/markup.ts";
import type { PageData } from "../page-data.ts";

/** So many reasons and warnings are shown: there can be one for each table, and tables are easily made. */
const MAX_SHOWN = 200;

const RESULTS = { ok: "holds", failed: "does not hold", unproven: "not proven", skipped: "not asked for" } as const;

/** The groups of checks with their results, and below them everything that this run cannot vouch for, and why. */
export function unchecked(data: PageData): Markup {
  const { report } = data;
  const gaps = gapsOf(data);
  return markup`<section aria-labelledby="checks">
<h2 id="checks">What was checked</h2>
<dl class="checks">
${Object.entries(CHECK_GROUP_MEANINGS).map(([group, meaning]) => {
  const result = report.checks[group] ?? "skipped";
  return markup`<div class="${result}"><dt>${meaning} <code class="name">${group}</code></dt><dd>${RESULTS[result]}</dd></div>
`;
})}</dl>
</section>
<section aria-labelledby="unchecked">
<h2 id="unchecked">What was not checked, and why</h2>
${gaps.length === 0 ? markup`<p>Nothing was left out of this run.</p>` : list(gaps)}
${report.warnings.length === 0 ? null : markup`<h3>Warnings</h3>${list(report.warnings)}`}
${data.notes.length === 0 ? null : markup`<h3>Notes</h3>${list(data.notes)}`}
</section>`;
}

function gapsOf({ report, isWhole }: PageData): string[] {
  const gaps = [...report.unproven];
  if (!isWhole)
    gaps.push(
      "only a part of the chain was asked for: it proves itself, and nothing else. Rows that no event belongs to are judged by a run over everything.",
    );
  const skipped = Object.entries(report.checks).filter(([, result]) => result === "skipped");
  if (skipped.length > 0)
    gaps.push(`not part of this run (--checks, or a window): ${skipped.map(([group]) => group).join(", ")}`);
  if (report.unanchored > 0n)
    gaps.push(
      `${counted(report.unanchored, "link is", "links are")} newer than the last published head that fits: whoever has full write authority can still rewrite them unseen. Publishing anchors them.`,
    );
  if (report.eventsWithoutSource > 0n)
    gaps.push(
      `${counted(report.eventsWithoutSource, "event belongs", "events belong")} to no table: the chain proves that and when they were recorded, and their payloads' hashes; the payloads are not in the database to be compared.`,
    );
  if (report.pending > 0n)
    gaps.push(
      `${counted(report.pending, "captured row waits", "captured rows wait")} to be linked: until then, nothing outside the database knows of them.`,
    );
  return gaps;
}

function list(texts: readonly string[]): Markup {
  const rest = texts.length - MAX_SHOWN;
  return markup`<ul class="plain">${texts.slice(0, MAX_SHOWN).map(
    (text) => markup`<li><bdi>${text}</bdi></li>
`,
  )}${rest > 0 ? markup`<li>and ${count(rest)} more</li>` : null}</ul>`;
}
