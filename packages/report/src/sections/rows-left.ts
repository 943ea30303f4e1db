import { count } from "../markup/amount.ts";
import { type Markup, markup } from "../markup/markup.ts";
import { nameText } from "../markup/name-text.ts";
import { stackedTable } from "../markup/stacked-table.ts";
import type { PageReport } from "../page-data.ts";

/** Rows that are gone, and may be: by their table's retention, or by signed erasures. And those that were put back. */
export function rowsLeft({ retired, erased, restored }: PageReport): Markup | null {
  if (retired.length + erased.length + restored.length === 0) return null;
  return markup`<section aria-labelledby="left">
<h2 id="left">${retired.length + erased.length === 0 ? "Rows that were put back" : "Rows that have left"}</h2>
${retired.length === 0 ? null : retiredRows(retired)}
${erased.length === 0 ? null : erasedRows(erased)}
${restored.length === 0 ? null : restoredRows(restored)}
</section>`;
}

const retiredRows = (retired: PageReport["retired"]): Markup => markup`
<p id="retired">These were older than the policy's retention, and are gone. The chain still has their events.</p>
${stackedTable(
  "retired",
  [
    ["Kind", "c-table"],
    ["Last changed", ""],
    ["Rows", "number"],
  ],
  retired.map(({ kind, month, rows }) => [nameText(kind), month, count(rows)]),
)}`;

const erasedRows = (erased: PageReport["erased"]): Markup => markup`
<p id="erased">These were erased, each by a statement that somebody signed whose key the policy has. The chain still has their events: <code>audit-chain lookup</code> says when and why.</p>
${stackedTable(
  "erased",
  [
    ["Kind", "c-table"],
    ["Rows", "number"],
  ],
  erased.map(({ kind, rows }) => [nameText(kind), count(rows)]),
)}`;

const restoredRows = (restored: PageReport["restored"]): Markup => markup`
<p id="restored">These had been changed or deleted past their trigger, and were put back as they had been recorded.</p>
${stackedTable(
  "restored",
  [
    ["Kind", "c-table"],
    ["Rows", "number"],
    ["The last at seq", "number"],
    ["When", ""],
  ],
  restored.map(({ kind, rows, seq, at }) => [nameText(kind), count(rows), count(seq), at ?? "at no time"]),
)}`;
