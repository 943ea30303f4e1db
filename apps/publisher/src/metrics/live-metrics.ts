import { currentMember } from "@scidex/audit-command";
import { collectDefaultMetrics, Counter, Gauge, type OpenMetricsContentType, Registry } from "prom-client";
import { gaugeOf } from "./format-samples.ts";
import { type Metrics, mergeSamples, NAMES, type RunKind, type RunSample, type Sample } from "./metrics.ts";
import type { MetricsFile } from "./metrics-file.ts";

/** A text and its media type. */
export interface Exposition {
  readonly contentType: string;
  readonly text: string;
}

/**
 * The metrics of a process that goes on, to be scraped: the samples that a metrics file has, how many rows were sealed, and
 * what Node.js tells of its process. Where there is a file, it has the same samples, and what stands in it counts from
 * the start: a nightly run that was an hour ago has not been forgotten by a restart.
 */
export class LiveMetrics implements Metrics {
  readonly #file: MetricsFile | undefined;
  readonly #registry = new Registry();
  /** The same metrics: a registry has one format, and two readers may ask at once. */
  readonly #openRegistry = new Registry<OpenMetricsContentType>();
  readonly #sealed: Counter;
  #samples: readonly Sample[];

  private constructor(version: string, file: MetricsFile | undefined, samples: readonly Sample[]) {
    this.#file = file;
    this.#samples = samples;
    for (const name of NAMES) this.#registry.registerMetric(gaugeOf(name, () => this.#samples));
    this.#sealed = new Counter({
      name: "audit_chain_sealed_rows_total",
      help: "Rows that this process has linked",
      labelNames: ["database"],
      registers: [this.#registry],
    });
    if (currentMember() === undefined) this.#sealed.inc(0);
    new Gauge({
      name: "audit_chain_build_info",
      help: "1, with the version of audit-publisher",
      labelNames: ["version"],
      registers: [this.#registry],
    }).set({ version }, 1);
    collectDefaultMetrics({ register: this.#registry });
    this.#openRegistry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    for (const { name } of this.#registry.getMetricsAsArray()) {
      const metric = this.#registry.getSingleMetric(name);
      if (metric !== undefined) this.#openRegistry.registerMetric(metric);
    }
  }

  /** A file that cannot be read counts as empty: the first run that writes it says so. */
  static async open(version: string, file?: MetricsFile): Promise<LiveMetrics> {
    return new LiveMetrics(version, file, (await file?.read().catch(() => [])) ?? []);
  }

  async update(run: RunKind, fresh: readonly RunSample[]): Promise<void> {
    this.#samples = mergeSamples(this.#samples, run, fresh, currentMember()?.name);
    // The sealer looks every second: that is nothing for a file.
    if (run === "seal" || this.#file === undefined) return;
    await this.#file.update(run, fresh);
  }

  countSealed(rows: number): void {
    const database = currentMember()?.name;
    if (database === undefined) this.#sealed.inc(rows);
    else this.#sealed.inc({ database }, rows);
  }

  /** In OpenMetrics (1.0.0) for those who ask for it, else in Prometheus' text format. */
  async expose(accept: string): Promise<Exposition> {
    const registry = accept.includes("application/openmetrics-text") ? this.#openRegistry : this.#registry;
    return { contentType: registry.contentType, text: await registry.metrics() };
  }
}
