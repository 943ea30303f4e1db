import type { Finding } from "@scidex/audit-reader";
import { count, counted, linksText } from "../markup/amount.ts";
import { Markup, markup } from "../markup/markup.ts";
import { axisText, momentText } from "../markup/moment.ts";
import { nameText } from "../markup/name-text.ts";
import type { PageData, PageSink } from "../page-data.ts";
import { LEAD, type Point, type Scale, scaleOf, thin, thinPoints, WIDTH } from "../markup/scale.ts";

const HEIGHT = 150;
/** So many sinks have a row of their own. */
const MAX_SINKS = 12;

/**
 * The chain over time: how it grew from head to head, which part of it is anchored, where something was found, and when
 * each sink received a head. All words stand outside the drawings, so that those can take any width.
 */
export function timeLine(data: PageData): Markup {
  const sinks = data.overview.sinks ?? [];
  const scale = scaleOf(sinks, data.verifiedAt / 1000);
  if (scale === null) return empty(data);
  const { report } = data;
  const bad = badIntervals(report.divergences, scale);
  const places = placesOf(report.divergences, scale);
  return markup`<section aria-labelledby="line">
<h2 id="line">The chain and its published heads</h2>
<figure>
<div class="plot">
<p class="top-label">${counted(BigInt(Math.trunc(highest(data, scale))), "link")}</p>
${growth(data, scale, bad)}
</div>
${places.length === 0 ? null : row(markup`Findings`, "bad-ticks", places)}
${sinks.slice(0, MAX_SINKS).map((sink) => sinkRow(sink, scale))}
${axis(scale)}
<figcaption>${legend(data, bad.length > 0, scale)}</figcaption>
</figure>
</section>`;
}

function empty({ overview }: PageData): Markup {
  const why =
    overview.sinks === null
      ? "Published heads were not looked at in this run"
      : "No published head was read whose signature holds";
  return markup`<section aria-labelledby="line">
<h2 id="line">The chain and its published heads</h2>
<p>${why}, so there is nothing outside the database that the chain was held against: whoever has full write authority can rewrite all of it unseen.</p>
</section>`;
}

const highest = ({ report }: PageData, { points }: Scale) =>
  Math.max(Number(report.head?.seq ?? 0n), points.at(-1)?.seq ?? 0, 1);

interface Interval {
  readonly from: number;
  readonly to: number;
}

/** Times between which the chain is not what was published. */
function badIntervals(findings: readonly Finding[], scale: Scale): Interval[] {
  return findings.flatMap(({ check, seq, fromSeq: from, toSeq: to }) => {
    if (check === "truncated" && seq !== undefined)
      return [{ from: scale.timeOf(Number(seq) - 1), to: scale.points.at(-1)?.time ?? scale.end }];
    if (check !== "head_mismatch" || from === undefined || to === undefined) return [];
    return [{ from: from <= 1n ? -Infinity : scale.timeOf(Number(from) - 1), to: scale.timeOf(Number(to)) }];
  });
}

/** Places of the findings that have one. */
function placesOf(findings: readonly Finding[], scale: Scale): number[] {
  const places = findings.flatMap(({ seq, fromSeq: from }) => {
    const at = seq ?? from;
    return at === undefined ? [] : [scale.x(scale.timeOf(Number(at)))];
  });
  return thin(places.toSorted((a, b) => a - b));
}

function growth(data: PageData, scale: Scale, bad: readonly Interval[]): Markup {
  const { report } = data;
  const top = highest(data, scale);
  const y = (seq: number) => round(HEIGHT - (Math.max(seq, 0) / top) * (HEIGHT - 4));
  const anchored = Number(report.anchoredTo);
  const until = lastTime(scale.points, anchored);
  const known = scale.points.filter(({ seq }) => seq <= anchored);
  const line = thinPoints(known, scale.x).map(({ time, seq }) => `${round(scale.x(time))} ${y(seq)}`);
  const [first] = known;
  const path = first === undefined ? "" : `M0 ${HEIGHT}L${line.join("L")}`;
  const start = until === null ? `0 ${HEIGHT}` : `${round(scale.x(until))} ${y(anchored)}`;
  const startX = until === null ? 0 : round(scale.x(until));
  const end = `${WIDTH} ${y(Number(report.head?.seq ?? 0n))}`;
  // What was published and is not in the chain, or not as it was; or lies behind the part that was looked at.
  const lost = thinPoints(
    scale.points.filter(({ seq }) => seq > anchored),
    scale.x,
  ).map(({ time, seq }) => `${round(scale.x(time))} ${y(seq)}`);
  return markup`<svg class="growth" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="Number of links over time">
${path === "" ? null : markup`<path class="anchored-area" d="${drawn(`${path}L${startX} ${y(anchored)}V${HEIGHT}Z`)}"/>`}
${report.unanchored === 0n ? null : markup`<path class="open-area" d="${drawn(`M${start}L${end}V${HEIGHT}H${startX}Z`)}"/>`}
${path === "" ? null : markup`<path class="anchored-line" d="${drawn(`${path}L${startX} ${y(anchored)}`)}"/>`}
${report.unanchored === 0n ? null : markup`<path class="open-line" d="${drawn(`M${start}L${end}`)}"/>`}
${lost.length === 0 ? null : markup`<path class="${bad.length > 0 ? "lost-line" : "other-line"}" d="${drawn(`M${start}L${lost.join("L")}`)}"/>`}
${bad.slice(0, 1_000).map(({ from, to }) => band(from, to, scale))}
</svg>`;
}

function band(from: number, to: number, { x }: Scale): Markup {
  const left = from === -Infinity ? 0 : x(from);
  // Wide enough to be seen, wherever it is.
  const width = Math.max(x(to) - left, 4);
  const start = Math.min(left, WIDTH - width);
  return markup`<rect class="bad-band" x="${round(start)}" y="0" width="${round(width)}" height="${HEIGHT}"/>`;
}

/** When a head up to which the chain is anchored was last signed. */
function lastTime(points: readonly Point[], anchored: number): number | null {
  return points.findLast(({ seq }) => seq <= anchored)?.time ?? null;
}

function sinkRow({ name, heads }: PageSink, { x }: Scale): Markup {
  const places = thin(heads.map(({ signedTime }) => x(Number(signedTime))));
  return row(markup`${nameText(name)} <span class="tally">${counted(heads.length, "head")}</span>`, "ticks", places);
}

function row(label: Markup, kind: string, places: readonly number[]): Markup {
  return markup`<div class="row"><p>${label}</p><svg class="${kind}" viewBox="0 0 ${WIDTH} 10" preserveAspectRatio="none" aria-hidden="true" focusable="false"><path d="${drawn(places.map((place) => `M${round(place)} 0V10`).join(""))}"/></svg></div>
`;
}

/** Times at five places of the width. */
function axis({ start, end }: Scale): Markup {
  const lead = LEAD / WIDTH;
  const at = (part: number) => start + (Math.max(part - lead, 0) / (1 - lead)) * (end - start);
  const labels = [0, 0.25, 0.5, 0.75, 1].map((part) => axisText(at(part), end - start));
  return markup`<div class="axis" aria-hidden="true">${labels.map(
    (label, i) => markup`<span class="p${i * 25}">${labels[i - 1] === label ? null : label}</span>`,
  )}</div>`;
}

function legend({ report, isWhole }: PageData, hasBad: boolean, scale: Scale): Markup {
  const { anchoredTo: anchored, range, head, unanchored } = report;
  const until = lastTime(scale.points, Number(anchored));
  return markup`<ul class="legend">
${anchored === 0n || until === null ? null : markup`<li class="key-anchored"><b>Anchored</b> to link ${count(anchored)}, last signed ${momentText(until)}</li>`}
${unanchored === 0n ? null : markup`<li class="key-open"><b>Not anchored</b>: ${linksText(anchored < range.from ? range.from : anchored + 1n, range.to)}</li>`}
${hasBad ? markup`<li class="key-bad"><b>Not as published</b></li>` : null}
</ul><p>${momentText(scale.start)} to ${momentText(scale.end)}. Each stroke in a sink's row is a signed head; where they are many, not all are drawn.${head === null ? " The chain has no links." : null}${isWhole || head === null ? null : ` This run looked at ${linksText(range.from, range.to)} only.`}</p>`;
}

const round = (n: number) => Math.round(n * 10) / 10;

/** A path of numbers and letters of our own, which no length may cut as it cuts a text. */
const drawn = (path: string) => new Markup(path);
