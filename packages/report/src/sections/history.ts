import { count, counted } from "../markup/amount.ts";
import { type Markup, markup, type Part } from "../markup/markup.ts";
import { recordedText, shortText } from "../markup/moment.ts";
import { nameText } from "../markup/name-text.ts";
import type { PageChange, PageData, PageRecorded } from "../page-data.ts";
import { stackedTable } from "../markup/stacked-table.ts";

/** So many changes are shown, the newest; and so many columns of each. */
const MAX_SHOWN = 500;
const MAX_COLUMNS = 40;

/** What was covered since when: the configuration's history, and what was recorded anew because of it. */
export function history({ report, overview }: PageData): Markup {
  const { coverage, recordedAnew } = overview;
  if (coverage === null)
    return markup`<section aria-labelledby="history"><h2 id="history">What is covered, and since when</h2><p>The configuration was not read: this takes the groups <code>sources</code> or <code>coverage</code>.</p></section>`;
  const narrowed = new Set(report.divergences.flatMap((one) => (one.check === "coverage_narrowed" ? [one.seq] : [])));
  const entries = [...coverage, ...recordedAnew].toSorted((a, b) => Number((a.seq ?? 0n) - (b.seq ?? 0n)));
  const older = Math.max(entries.length - MAX_SHOWN, 0);
  const before = new Map<string, PageChange>();
  const rows: Part[][] = [];
  for (const [i, entry] of entries.entries()) {
    const isNarrowed = entry.seq !== null && narrowed.has(entry.seq);
    const last = before.get(entry.kind);
    if (i >= older)
      rows.push("compared" in entry ? recordedRow(entry, last, isNarrowed) : changeRow(entry, last, isNarrowed));
    if (!("compared" in entry)) before.set(entry.kind, entry);
  }
  return markup`<section aria-labelledby="history">
<h2 id="history">What is covered, and since when</h2>
${rows.length === 0 ? markup`<p>No table has ever been attached.</p>` : null}
${older > 0 ? markup`<p>${counted(older, "older change is", "older changes are")} left out here.</p>` : null}
${
  rows.length === 0
    ? null
    : stackedTable(
        "history",
        [
          ["Since", "c-since"],
          ["Recorded (UTC)", "c-recorded"],
          ["Table", "c-relation"],
          ["What", "c-what"],
          ["By", "c-by"],
        ],
        rows,
      )
}
</section>`;
}

function changeRow(change: PageChange, before: PageChange | undefined, isNarrowed: boolean): Part[] {
  return [
    change.seq === null ? markup`<span class="none">no link</span>` : `Link ${count(change.seq)}`,
    recordedText(change.recordedAt),
    nameText(change.relation),
    what(change, before, isNarrowed),
    nameText(change.actor),
  ];
}

/** @param change the newest change of what is covered of the table */
function recordedRow(recorded: PageRecorded, change: PageChange | undefined, isNarrowed: boolean): Part[] {
  const { seq, signedTime, kind, compared, notCompared, changesNotCompared } = recorded;
  const said = [
    `Recorded anew: ${counted(compared, "row that had been compared", "rows that had been compared")}, ${count(notCompared)} that could not be`,
    ...(changesNotCompared > 0
      ? [`${counted(changesNotCompared, "change")} could not be compared with what was recorded before`]
      : []),
  ];
  return [
    `Link ${count(seq)}`,
    shortText(Number(signedTime)),
    nameText(change?.relation ?? kind),
    markup`<div>${said.map((one) => markup`<bdi>${one}.</bdi> `)}${isNarrowed ? markup`<b class="bad">To be approved.</b>` : null}</div>`,
    markup`<span class="none">the publisher</span>`,
  ];
}

function what(change: PageChange, before: PageChange | undefined, isNarrowed: boolean): Markup {
  return markup`<div>${sentences(change, before).map((one) => markup`<bdi>${one}.</bdi> `)}${isNarrowed ? markup`<b class="bad">Less than before.</b>` : null}</div>`;
}

function sentences(change: PageChange, before: PageChange | undefined): string[] {
  const { action, mode, changes, columns, excluded, keyColumns } = change;
  if (action === "detach") return ["Detached: new rows are not captured"];
  if (action === "complete")
    return [
      change.complete
        ? "Complete: every row must have an event from here on"
        : "Declared incomplete: rows may lack events",
    ];
  if (action === "repair") return ["The audit chain's own objects were mended by init --repair"];
  if (action === "readmit") return ["Rows without an event were readmitted by a backfill"];
  if (before === undefined || before.action === "detach")
    return [
      `Attached, ${mode}; changes of rows are ${changes === "track" ? "tracked" : "refused"}`,
      `Key ${names(keyColumns)}; ${counted(columns.length, "column")} covered: ${names(columns)}`,
      ...(excluded.length > 0 ? [`Left out: ${names(excluded)}`] : []),
      ...(change.complete ? [] : ["Rows that were there before are not chained yet"]),
    ];
  const said: string[] = [];
  // Sets, because a table can have 1,600 columns, and a history many changes.
  const [old, now, leftBefore] = [new Set(before.columns), new Set(columns), new Set(before.excluded)];
  const added = columns.filter((column) => !old.has(column));
  const gone = before.columns.filter((column) => !now.has(column));
  const newlyLeft = excluded.filter((column) => !leftBefore.has(column));
  if (change.relation !== before.relation) said.push(`Moved from ${before.relation}`);
  if (mode !== before.mode) said.push(`Mode ${before.mode} before, ${mode} now`);
  if (changes !== before.changes) said.push(`Changes of rows are ${changes === "track" ? "tracked" : "refused"} now`);
  if (keyColumns.join("\0") !== before.keyColumns.join("\0"))
    said.push(`Key ${names(before.keyColumns)} before, ${names(keyColumns)} now`);
  if (added.length > 0) said.push(`Columns added: ${names(added)}`);
  if (gone.length > 0) said.push(`Columns no longer covered: ${names(gone)}`);
  if (newlyLeft.length > 0) said.push(`Left out now: ${names(newlyLeft)}`);
  return said.length > 0 ? said : ["Attached again, with nothing changed"];
}

function names(columns: readonly string[]): string {
  const rest = columns.length - MAX_COLUMNS;
  return `${columns.slice(0, MAX_COLUMNS).join(", ")}${rest > 0 ? ` and ${count(rest)} more` : ""}`;
}
