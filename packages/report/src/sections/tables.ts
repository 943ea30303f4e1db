import { count, counted } from "../markup/amount.ts";
import { type Markup, markup } from "../markup/markup.ts";
import { nameText } from "../markup/name-text.ts";
import type { PageChange, PageData } from "../page-data.ts";
import { stackedTable } from "../markup/stacked-table.ts";

/** So many kinds are shown. */
const MAX_SHOWN = 500;

const CHANGE_SUFFIX = /:(?:insert|update|delete|record)$/u;

/** Links and rows by table, or by kind where there is no table. */
export function tables({ report, overview }: PageData): Markup {
  const { kinds, coverage } = overview;
  if (kinds === null)
    return markup`<section aria-labelledby="tables"><h2 id="tables">Rows by table</h2><p>Rows were not counted: this takes the groups <code>links</code> or <code>sources</code>.</p></section>`;
  const relations = new Map((coverage ?? []).map(({ kind, ...change }) => [kind, change] as const));
  const found = new Map<string, number>();
  for (const { eventKind: kind } of report.divergences) {
    if (kind === undefined) continue;
    const table = kind.replace(CHANGE_SUFFIX, "");
    found.set(table, (found.get(table) ?? 0) + 1);
  }
  const listed = kinds.listed.slice(0, MAX_SHOWN);
  const cutOff = kinds.listed.slice(MAX_SHOWN);
  const others = {
    kinds: kinds.others.kinds + cutOff.length,
    links: cutOff.reduce((sum, { links }) => sum + links, kinds.others.links),
  };
  return markup`<section aria-labelledby="tables">
<h2 id="tables">Rows by table</h2>
${stackedTable(
  "tables",
  [
    ["Table or kind", "c-table"],
    ["Links", "c-links number"],
    ["Rows that are as recorded", "c-rows number"],
    ["Findings", "number"],
  ],
  listed.map(({ kind, links, matched }) => [
    nameOf(kind, relations.get(kind)),
    count(links),
    matched === null ? markup`<span class="none">no table compared</span>` : count(matched),
    findingsOf(found.get(kind)),
  ]),
)}
${others.kinds > 0 ? markup`<p>And ${counted(others.kinds, "other kind")} without a table, with ${counted(others.links, "link")} together.</p>` : null}
</section>`;
}

function nameOf(kind: string, change: Omit<PageChange, "kind"> | undefined): Markup {
  if (change === undefined || kind === "") return markup`${nameText(kind === "" ? "(empty)" : kind)}`;
  const detached = change.action === "detach" ? markup` <span class="none">detached</span>` : null;
  return markup`${nameText(change.relation)}${detached}${change.relation === `public.${kind}` ? null : markup` <span class="none">as</span> ${nameText(kind)}`}`;
}

const findingsOf = (n: number | undefined): Markup =>
  n === undefined ? markup`<span class="none">none</span>` : markup`<b class="bad">${count(n)}</b>`;
