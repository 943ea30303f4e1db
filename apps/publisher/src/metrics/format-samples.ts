import { Gauge, Registry } from "prom-client";
import { METRICS, type MetricName, NAMES, type Sample } from "./metrics.ts";

/** The labels that each metric's samples can have. */
const LABELS = ["run", "database", "status", "check", "sink"] as const;

/** A gauge that takes its samples anew each time it is read. */
export function gaugeOf(name: MetricName, samples: () => readonly Sample[]): Gauge {
  return new Gauge({
    name,
    help: METRICS[name],
    labelNames: LABELS,
    registers: [],
    collect() {
      this.reset();
      for (const sample of samples()) if (sample.name === name) this.set(sample.labels, sample.value);
    },
  });
}

/** The samples in Prometheus' text format (exposition format 0.0.4), without metrics that have none. */
export async function formatSamples(samples: readonly Sample[]): Promise<string> {
  const registry = new Registry();
  const names = new Set(samples.map(({ name }) => name));
  for (const name of NAMES.filter((known) => names.has(known))) registry.registerMetric(gaugeOf(name, () => samples));
  return await registry.metrics();
}
