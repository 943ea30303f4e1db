import { counted } from "../markup/amount.ts";
import { checkName } from "../markup/check-names.ts";
import { type Markup, markup } from "../markup/markup.ts";
import { where } from "../markup/where.ts";
import type { PageAccepted, PageReport } from "../page-data.ts";

/** Beyond it entries can be opened. */
const OPEN = 20;

/** What was found and the policy accepts, each with who accepted it and why. */
export function accepted({ accepted: list }: PageReport): Markup | null {
  if (list.length === 0) return null;
  const rest = list.slice(OPEN);
  return markup`<section aria-labelledby="accepted">
<h2 id="accepted">What was accepted</h2>
<p>These were found, and the auditor's policy accepts each of them in the state that it has. Any other state is a finding.</p>
<ol class="findings">${list.slice(0, OPEN).map(item)}</ol>
${rest.length === 0 ? null : markup`<details class="more"><summary>${counted(rest.length, "more", "more")}</summary><ol class="findings" start="${OPEN + 1}">${rest.map(item)}</ol></details>`}
</section>`;
}

function item(one: PageAccepted): Markup {
  const { check, count, reason, by, at } = one;
  return markup`<li>${where(one)}
<p>${checkName(check).title} <code class="name">${check}</code>${count === undefined ? null : markup` · ${counted(count, "finding")}`}</p>
<p><bdi>${reason}</bdi></p><p class="meaning"><bdi>${by}</bdi>, ${at}</p>
</li>
`;
}
