import { count, durationText } from "../markup/amount.ts";
import { type Markup, markup } from "../markup/markup.ts";
import { shortText } from "../markup/moment.ts";
import { nameText } from "../markup/name-text.ts";
import type { PageData, PageSink } from "../page-data.ts";
import { stackedTable } from "../markup/stacked-table.ts";

/** So many sinks are shown, and so many of the newest heads. */
const MAX_SINKS = 50;
const NEWEST = 50;

/** Where heads are published, and the newest of them. */
export function published({ overview }: PageData): Markup | null {
  const { sinks } = overview;
  if (sinks === null || sinks.length === 0) return null;
  return markup`<section aria-labelledby="published">
<h2 id="published">Published heads</h2>
${stackedTable(
  "published",
  [
    ["Sink", "c-sink"],
    ["Heads", "c-heads number"],
    ["First (UTC)", "c-time"],
    ["Newest (UTC)", "c-time"],
    ["Up to link", "c-up number"],
    ["Longest pause", "c-pause"],
  ],
  sinks.slice(0, MAX_SINKS).map(row),
)}
${newest(sinks)}
<p class="meaning">Whoever has the log's verifier keys can check one event against these heads without a database: <code>audit-chain prove --kind … --pk … --out FILE</code> makes its proof, and <code>audit-chain prove --page FILE</code> a page that checks proofs, by drag and drop and offline.</p>
</section>`;
}

function row({ name, heads }: PageSink) {
  const [first, last] = [heads[0], heads.at(-1)];
  const sink = nameText(name);
  if (first === undefined || last === undefined) return [sink, "0", "none", "none", "nothing", "none"];
  let pause = 0n;
  for (const [i, head] of heads.entries()) {
    const gap = head.signedTime - (heads[i - 1]?.signedTime ?? head.signedTime);
    if (gap > pause) pause = gap;
  }
  return [
    sink,
    count(heads.length),
    shortText(Number(first.signedTime)),
    shortText(Number(last.signedTime)),
    count(last.seq),
    heads.length < 2 ? "none" : durationText(Number(pause)),
  ];
}

function newest(sinks: readonly PageSink[]): Markup {
  const tails = sinks.slice(0, MAX_SINKS).flatMap(({ heads }) => heads.slice(-NEWEST));
  const sizes = new Map<string, { seq: bigint; signedTime: bigint; sinks: number }>();
  for (const { seq, signedTime } of tails) {
    const id = `${seq} ${signedTime}`;
    const known = sizes.get(id);
    if (known === undefined) sizes.set(id, { seq, signedTime, sinks: 1 });
    else known.sinks++;
  }
  const list = [...sizes.values()].toSorted((a, b) => Number(b.signedTime - a.signedTime)).slice(0, NEWEST);
  if (list.length === 0) return markup``;
  return markup`<details><summary>The newest ${list.length === 1 ? "head" : `${count(list.length)} heads`}</summary>
${stackedTable(
  "published",
  [
    ["Signed (UTC)", "c-sink"],
    ["Up to link", "c-sink number"],
    ["In", ""],
  ],
  list.map((head) => [
    shortText(Number(head.signedTime)),
    count(head.seq),
    head.sinks === sinks.length ? "every sink" : `${count(head.sinks)} of ${count(sinks.length)} sinks`,
  ]),
)}</details>`;
}
