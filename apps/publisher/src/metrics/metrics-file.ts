import { readFile } from "node:fs/promises";
import { currentMember, replaceWhole } from "@scidex/audit-command";
import { errno, messageOf, PublisherError } from "../errors.ts";
import { formatSamples } from "./format-samples.ts";
import { type Metrics, mergeSamples, parseMetrics, type RunKind, type RunSample, type Sample } from "./metrics.ts";
import { failureSamples } from "./run-metrics.ts";

/**
 * Metrics for the text-file collector of node_exporter. A new file is written beside the old one and renamed: a collector
 * sees one or the other. Everyone may read it (mode 0644, less the umask).
 */
export class MetricsFile implements Metrics {
  /** Databases of a fleet share a file: what two read at once, the later one would write without what the earlier one has added. */
  static readonly #writing = new Map<string, Promise<void>>();
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** What earlier runs have left; nothing where there is no file yet. */
  async read(): Promise<Sample[]> {
    const text = await readFile(this.#path, "utf8").catch((error: unknown) => {
      if (errno(error) === "ENOENT") return "";
      throw error;
    });
    return parseMetrics(text);
  }

  /** @throws {PublisherError} `io` */
  async update(run: RunKind, fresh: readonly RunSample[]): Promise<void> {
    const before = MetricsFile.#writing.get(this.#path);
    const written = (before ?? Promise.resolve()).then(async () => this.#update(run, fresh));
    MetricsFile.#writing.set(
      this.#path,
      written.catch(() => undefined),
    );
    await written;
  }

  async #update(run: RunKind, fresh: readonly RunSample[]): Promise<void> {
    try {
      // The collector takes only *.prom: what a killed run leaves behind is passed over.
      await replaceWhole(
        this.#path,
        await formatSamples(mergeSamples(await this.read(), run, fresh, currentMember()?.name)),
      );
    } catch (cause) {
      throw new PublisherError("io", `the metrics file ${this.#path} can't be written: ${messageOf(cause)}`, { cause });
    }
  }
}

/** The metrics of `--metrics`. */
export const metricsFileOf = (path: string | undefined): MetricsFile | undefined =>
  path === undefined ? undefined : new MetricsFile(path);

/** Notes that a run ended with an error, and throws that error again, whatever becomes of the file. */
export async function noteFailure(metrics: Metrics | undefined, run: RunKind, error: unknown): Promise<never> {
  await metrics?.update(run, failureSamples(Date.now())).catch(() => undefined);
  throw error;
}
