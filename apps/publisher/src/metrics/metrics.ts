/**
 * What is measured, and how the samples of one run take their place among those of the others. All samples carry the label
 * `run`: `full` and `window` for verifications, `publish` for publications, `seal` for the daemon's sealer, `capture` for
 * who follows the write-ahead log. Those of a fleet carry `database`, too: its name there. Runs share a file and an endpoint, and each replaces its own samples only.
 */

/** Every metric that is ever written, with its help text. All are gauges. */
export const METRICS = {
  audit_chain_run_timestamp_seconds: "When this kind of run last came to its end, by any end",
  audit_chain_run_success_timestamp_seconds: "When this kind of run last ended with everything intact",
  audit_chain_run_duration_seconds: "How long the last run took",
  audit_chain_run_status: "1 for how the last run ended (intact, tampered, unproven, failed), 0 for the others",
  audit_chain_verification_timestamp_seconds: "When a verification of this range last came to its end with a report",
  audit_chain_head_timestamp_seconds: "The newest signed time that the sinks hold",
  audit_chain_head_age_seconds: "Age of the newest signed time when the run ended",
  audit_chain_head_seq: "The last link's seq: of the chain when it was verified, or of the head that was published",
  audit_chain_anchored_seq: "The highest seq whose published head fits",
  audit_chain_unanchored_rows: "Links after it, which can still be rewritten unseen",
  audit_chain_rows_verified: "Links verified by the last run",
  audit_chain_divergences: "Divergences that the last run found, by check",
  audit_chain_pending_rows: "Captured rows that wait to be linked",
  audit_chain_pending_age_seconds: "Age of the oldest of them; 0 where there is none",
  audit_chain_alerts_pending: "Findings that could not be alerted everywhere yet",
  audit_chain_alerts_unacknowledged: "Findings, also of earlier runs, that nobody has acknowledged",
  audit_chain_capture_timestamp_seconds: "When the capture process last said how far behind it is",
  audit_chain_capture_behind_bytes: "Bytes of the write-ahead log that are not linked yet",
  audit_chain_capture_behind_seconds: "For how long there have been some; up to 20 in silence",
  audit_chain_sink_behind: "1 for a sink that lacks heads after the last publication, 0 for one that has all",
} as const;
export type MetricName = keyof typeof METRICS;

/** The kinds of runs. */
export type RunKind = "full" | "window" | "publish" | "seal" | "capture";

export const RUN_STATUSES = ["intact", "tampered", "unproven", "failed"] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

export interface Sample {
  readonly name: MetricName;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Where runs leave their samples. */
export interface Metrics {
  /** Puts a run's samples in the place of those that it left before. */
  update(run: RunKind, fresh: readonly RunSample[]): Promise<void>;
}

/** A sample without the label of its run. */
export type RunSample = readonly [name: MetricName, value: number, labels?: Readonly<Record<string, string>>];

export const NAMES = Object.keys(METRICS) as MetricName[];

/** What a run leaves of the samples that it does not set itself: the sinks it had may be others now. */
const REPLACED_AS_A_WHOLE: ReadonlySet<MetricName> = new Set(["audit_chain_sink_behind", "audit_chain_divergences"]);

/**
 * The samples after a run: its own take the place of those of the same name and labels.
 *
 * @param database the name of a database of a fleet, which its samples carry
 */
export function mergeSamples(
  before: readonly Sample[],
  run: RunKind,
  fresh: readonly RunSample[],
  database: string | undefined,
): Sample[] {
  const own = database === undefined ? { run } : { run, database };
  const added = fresh.map(([name, value, labels = {}]): Sample => ({ name, labels: { ...own, ...labels }, value }));
  const keys = new Set(added.map(seriesOf));
  const whole = new Set(added.map(({ name }) => name).filter((name) => REPLACED_AS_A_WHOLE.has(name)));
  const kept = before.filter(
    (sample) => !keys.has(seriesOf(sample)) && !(isOf(sample, run, database) && whole.has(sample.name)),
  );
  return [...kept, ...added];
}

const isOf = ({ labels }: Sample, run: RunKind, database: string | undefined): boolean =>
  labels["run"] === run && labels["database"] === database;

const seriesOf = ({ name, labels }: Sample): string => JSON.stringify([name, Object.entries(labels)]);

/** The samples of a text that `formatSamples` made; lines of any other form are passed over. */
export function parseMetrics(text: string): Sample[] {
  return text.split("\n").flatMap((line): Sample[] => {
    const [, metric, labels = "", value = ""] = /^([a-z_]+)\{(.*)\} (\S+)$/.exec(line) ?? [];
    const name = NAMES.find((known) => known === metric);
    const number = Number(value);
    if (name === undefined || !Number.isFinite(number)) return [];
    const pairs = [...labels.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"(?:,|$)/g)];
    return [
      { name, value: number, labels: Object.fromEntries(pairs.map(([, k = "", v = ""]) => [k, unescapeLabel(v)])) },
    ];
  });
}

const unescapeLabel = (value: string): string =>
  value.replaceAll(/\\(.)/g, (_, unit: string) => (unit === "n" ? "\n" : unit));
