import { count } from "../markup/amount.ts";
import { type Markup, markup } from "../markup/markup.ts";
import { nameText } from "../markup/name-text.ts";
import { stackedTable } from "../markup/stacked-table.ts";
import type { PageReport } from "../page-data.ts";

/** Logs that have ended, and what was lost with each. */
export function earlierLogs({ earlierLogs: logs }: PageReport): Markup | null {
  if (logs.length === 0) return null;
  return markup`<section aria-labelledby="earlier-logs">
<h2 id="earlier-logs">Logs that have ended</h2>
<p>Another log goes on in the place of each. What was lost had been published, and is not in the chain any more as it was, or not for certain.</p>
${stackedTable(
  "earlier-logs",
  [
    ["Log", "c-table"],
    ["Ended with link", "number"],
    ["Lost", ""],
    ["Next began", ""],
    ["Why", ""],
  ],
  logs.map(({ origin, seq, lost, beganAt, reason, misdated }) => [
    nameText(origin),
    count(seq),
    `${lost === null ? "nothing" : `links ${lost.fromSeq} to ${lost.toSeq}`}${misdated.length === 0 ? "" : `; false times of links ${misdated.map(({ fromSeq, toSeq }) => `${fromSeq} to ${toSeq}`).join(", ")}`}`,
    beganAt,
    reason,
  ]),
)}
</section>`;
}
