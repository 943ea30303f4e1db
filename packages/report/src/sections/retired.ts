import { count } from "../markup/amount.ts";
import { type Markup, markup } from "../markup/markup.ts";
import { nameText } from "../markup/name-text.ts";
import { stackedTable } from "../markup/stacked-table.ts";
import type { PageReport } from "../page-data.ts";

/** Rows that are gone by their table's retention, by table and month. */
export function retired({ retired: months }: PageReport): Markup | null {
  if (months.length === 0) return null;
  return markup`<section aria-labelledby="retired">
<h2 id="retired">Rows that have left</h2>
<p>These are older than the policy's retention, and are gone. The chain still has their events.</p>
${stackedTable(
  "retired",
  [
    ["Kind", "c-table"],
    ["Last changed", ""],
    ["Rows", "number"],
  ],
  months.map(({ kind, month, rows }) => [nameText(kind), month, count(rows)]),
)}
</section>`;
}
