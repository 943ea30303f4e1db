/** One line of a benchmark's table: a figure, and how it stands to its bound in the same run. */
export interface Measurement {
  readonly name: string;
  /** Median of the figure. */
  readonly value: number;
  readonly unit: "tx/s" | "rows/s" | "events/s" | "ms" | "µs" | "MB";
  /** What it is held against, if anything, with that figure. */
  readonly against?: { readonly name: string; readonly value: number };
  /** Median of the ratios of the rounds, each within one round. */
  readonly ratio?: number;
  readonly target?: { readonly ratio: number; readonly is: "at least" | "at most" };
  readonly note?: string;
}

/** The middle value; of an even number the lower one. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}

/** The value that a part of them do not exceed. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
}

/** The mean, and the interval that holds the true one with 95 % certainty, by Student's t for twenty values. */
export function interval(values: readonly number[]): {
  readonly mean: number;
  readonly from: number;
  readonly to: number;
} {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1));
  const half = (T_OF_20 * deviation) / Math.sqrt(n);
  return { mean, from: mean - half, to: mean + half };
}

/** Student's t for 19 degrees of freedom, two-sided, 95 %. */
const T_OF_20 = 2.093;

/** Wall time of `work` in milliseconds. */
export async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/**
 * Runs all contenders once a round, one after another, `rounds` times: these machines are noisy, so only figures of one
 * round are compared. Returns the figures of each contender, round by round.
 */
export async function rounds<K extends string>(
  count: number,
  contenders: Readonly<Record<K, () => Promise<number>>>,
): Promise<Record<K, number[]>> {
  const names = Object.keys(contenders) as K[];
  const figures = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<K, number[]>;
  for (let round = 0; round < count; round++) {
    // Each round starts with another contender, so that none always runs on a warm or a tired server.
    const order = names.map((_, i) => names[(i + round) % names.length]).filter((name) => name !== undefined);
    for (const name of order) figures[name].push(await contenders[name]());
  }
  return figures;
}

/** The median of the rounds' ratios. */
export function ratioOf(figures: readonly number[], bound: readonly number[]): number {
  return median(figures.map((figure, i) => figure / (bound[i] ?? Number.NaN)));
}

/** The rounds of one contender, held against those of its bound. */
export function held(
  name: string,
  figures: readonly number[],
  against: { readonly name: string; readonly figures: readonly number[] },
  more: Pick<Measurement, "unit" | "target" | "note">,
): Measurement {
  return {
    name,
    value: median(figures),
    against: { name: against.name, value: median(against.figures) },
    ratio: ratioOf(figures, against.figures),
    ...more,
  };
}

/** Whether a measurement reaches its target; undefined where it has none. */
export function isReached(m: Measurement): boolean | undefined {
  if (m.target === undefined || m.ratio === undefined) return undefined;
  return m.target.is === "at least" ? m.ratio >= m.target.ratio : m.ratio <= m.target.ratio;
}
