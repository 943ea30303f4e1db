import type { Finding } from "@scidex/audit-reader";
import { count, counted } from "../markup/amount.ts";
import { checkName } from "../markup/check-names.ts";
import { type Markup, markup } from "../markup/markup.ts";
import type { PageData, PageProofs } from "../page-data.ts";
import { where } from "../markup/where.ts";
import { aboutProofs, findingProof } from "./finding-proof.ts";

/** Up to so many findings all stand open; of more, the first of each check do, and the others can be opened. */
const ALL_OPEN = 40;
const FIRST_OPEN = 10;
/** In one block that opens: a browser lays out this many at once without a pause. */
const BLOCK = 500;

/** What was found, by check, each with what was expected and what was there. */
export function findings({ report, overview: { proofs } }: PageData): Markup | null {
  if (report.divergences.length === 0) return null;
  const byCheck = Map.groupBy(report.divergences, ({ check }) => check);
  const open = report.divergences.length <= ALL_OPEN ? ALL_OPEN : FIRST_OPEN;
  const unlisted = report.divergenceCount - report.divergences.length;
  return markup`<section aria-labelledby="findings">
<h2 id="findings">What was found</h2>
${byCheck.size > 1 ? contents(byCheck) : null}
${
  unlisted > 0
    ? markup`<p>${counted(unlisted, "finding is", "findings are")} not listed: of each check, the first 1,000 are. Mend what is listed and verify again.</p>`
    : null
}
${aboutProofs(proofs)}
${[...byCheck].map(([check, list]) => group(check, list, open, { first: report.firstDivergence, proofs }))}
</section>`;
}

function contents(byCheck: ReadonlyMap<string, readonly Finding[]>): Markup {
  return markup`<nav aria-label="Findings by check"><ul class="contents">${[...byCheck].map(
    ([check, list]) =>
      markup`<li><a href="#check-${idOf(check)}">${checkName(check).title}</a> <span class="tally">${count(list.length)}</span></li>`,
  )}</ul></nav>`;
}

/** What stands beside all findings. */
interface Beside {
  readonly first: Finding | null;
  readonly proofs: PageProofs | null;
}

function group(check: string, list: readonly Finding[], open: number, { first, proofs }: Beside): Markup {
  const { title, meaning } = checkName(check);
  const item = (one: Finding) => finding(one, one === first, proofs);
  const blocks: Markup[] = [];
  for (let at = open; at < list.length; at += BLOCK) {
    const block = list.slice(at, at + BLOCK);
    blocks.push(
      markup`<details class="more"><summary>${title}: ${count(at + 1)} to ${count(at + block.length)} of ${count(list.length)}</summary>
<ol class="findings" start="${at + 1}">${block.map(item)}</ol></details>`,
    );
  }
  return markup`<section class="check" aria-labelledby="check-${idOf(check)}">
<h3 id="check-${idOf(check)}">${title} <code class="name">${check}</code></h3>
<p class="meaning">${meaning}</p>
<ol class="findings">${list.slice(0, open).map(item)}</ol>
${blocks}
</section>`;
}

function finding(one: Finding, isFirst: boolean, proofs: PageProofs | null): Markup {
  const { expected, actual } = one;
  return markup`<li${isFirst ? markup` id="first"` : null}>${where(one)}
<p><bdi>${one.message}</bdi></p>
${expected === undefined && actual === undefined ? null : markup`<dl class="sides">${side("expected", expected)}${side("actual", actual)}</dl>`}
${one.check === "head_mismatch" && expected === actual ? markup`<p class="meaning">The last of these links has the chain hash that was published, but one of them is missing or was changed.</p>` : null}
${findingProof(one, proofs)}
</li>
`;
}

const side = (name: string, text: string | undefined): Markup | null =>
  text === undefined ? null : markup`<div><dt>${name}</dt><dd><code><bdi>${text}</bdi></code></dd></div>`;

/** Names of checks are ours; should another ever come, it can stand in an attribute. */
const idOf = (check: string) => check.replaceAll(/[^a-z_]/gu, "");
