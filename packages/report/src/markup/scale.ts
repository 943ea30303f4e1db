import type { PageHead, PageSink } from "../page-data.ts";

/** Width of the drawing, in units of its own. */
export const WIDTH = 1_000;
/** Where the first signed time stands: left of it are the links that were there before. */
export const LEAD = 40;
/** So many marks can be told apart across the width. Of a hundred thousand heads, no more are drawn. */
export const MARKS = 250;

/** A point of the chain's growth: at this time, so many links had been published. */
export interface Point {
  /** Seconds since the Unix epoch. */
  readonly time: number;
  readonly seq: number;
}

/** Translates times and seqs into places on the time line. */
export interface Scale {
  readonly start: number;
  readonly end: number;
  /** In the order of time; seqs never fall. */
  readonly points: readonly Point[];
  readonly x: (time: number) => number;
  /** The time at which a seq had been published, or `end` where it has not been. Between two heads it is interpolated. */
  readonly timeOf: (seq: number) => number;
}

/**
 * @param now seconds since the Unix epoch: the right end, if no head is younger
 * @returns null where nothing was published
 */
export function scaleOf(sinks: readonly PageSink[], now: number): Scale | null {
  const points = growth(sinks.flatMap(({ heads }) => heads));
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return null;
  const start = first.time;
  const end = Math.max(now, last.time);
  const x = (time: number) => {
    const part = end === start ? 0 : (Math.min(Math.max(time, start), end) - start) / (end - start);
    return LEAD + part * (WIDTH - LEAD);
  };
  return { start, end, points, x, timeOf: (seq) => timeOf(points, seq, end) };
}

/** The longest that had been published by each time. A head that is shorter than an older one, from a bad sink, is left out. */
function growth(heads: readonly PageHead[]): Point[] {
  const sorted = heads
    .map(({ seq, signedTime }) => ({ seq: Number(seq), time: Number(signedTime) }))
    .toSorted((a, b) => a.time - b.time || a.seq - b.seq);
  const points: Point[] = [];
  for (const point of sorted) {
    const before = points.at(-1);
    if (before !== undefined && point.seq < before.seq) continue;
    if (before?.time === point.time) points.pop();
    points.push(point);
  }
  return points;
}

function timeOf(points: readonly Point[], seq: number, end: number): number {
  let [low, high] = [0, points.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((points[middle]?.seq ?? 0) < seq) low = middle + 1;
    else high = middle;
  }
  const at = points[low];
  if (at === undefined) return end;
  const before = points[low - 1];
  if (before === undefined || at.seq === seq) return at.time;
  return before.time + ((seq - before.seq) / (at.seq - before.seq)) * (at.time - before.time);
}

/** Of places on the line, one for each mark's width: the first. */
export function thin(places: readonly number[]): number[] {
  const taken = new Map<number, number>();
  for (const place of places) {
    const bucket = Math.floor((place / WIDTH) * MARKS);
    if (!taken.has(bucket)) taken.set(bucket, place);
  }
  return [...taken.values()];
}

/** Of points, the last for each mark's width, and the first of all. */
export function thinPoints(points: readonly Point[], x: (time: number) => number): Point[] {
  const taken = new Map<number, Point>();
  for (const point of points) taken.set(Math.floor((x(point.time) / WIDTH) * MARKS), point);
  const [first] = points;
  const kept = [...taken.values()];
  return first === undefined || kept[0] === first ? kept : [first, ...kept];
}
