import { LiveMetrics } from "../metrics/live-metrics.ts";
import { metricsFileOf } from "../metrics/metrics-file.ts";
import { Endpoint, type ListenAddress } from "./endpoint.ts";
import { type Readiness, Standing } from "./standing.ts";

/** How a process that looks after databases is asked how it is. */
export interface ExposedOptions {
  readonly version: string;
  /** Undefined for not at all. */
  readonly address: ListenAddress | undefined;
  readonly names: ReadonlySet<string>;
  readonly metricsFile: string | undefined;
}

/** What `/readyz` says of several databases. */
interface FleetReadiness {
  readonly isReady: boolean;
  readonly databases: Readonly<Record<string, Readiness>>;
}

/**
 * What is shown of a daemon: one endpoint and one set of metrics, whether it looks after one database or many. It is there as
 * long as one of them uses it.
 */
export class Exposed {
  readonly #standings = new Map<string, Standing>();
  #single: Standing | undefined;
  #opened: Promise<{ readonly metrics: LiveMetrics; readonly endpoint: Endpoint | undefined }> | undefined;
  #users = 0;
  #isTold = false;

  /** @param database its name among several */
  standingOf(database: string | undefined): Standing {
    const standing = new Standing();
    if (database === undefined) this.#single = standing;
    else this.#standings.set(database, standing);
    return standing;
  }

  /** @throws {PublisherError} `configuration` where the address cannot be taken */
  async open(options: ExposedOptions): Promise<LiveMetrics> {
    this.#users++;
    this.#opened ??= this.#open(options);
    return (await this.#opened).metrics;
  }

  /** Where it listens, told once; undefined where it does not. */
  async toTell(): Promise<string | undefined> {
    if (this.#isTold) return undefined;
    this.#isTold = true;
    return (await this.#opened)?.endpoint?.url;
  }

  async close(): Promise<void> {
    if (--this.#users > 0) return;
    const opened = await this.#opened?.catch(() => undefined);
    await opened?.endpoint?.close();
  }

  read(): Readiness | FleetReadiness {
    if (this.#single !== undefined) return this.#single.read();
    const databases = Object.fromEntries([...this.#standings].map(([name, standing]) => [name, standing.read()]));
    return { isReady: Object.values(databases).every(({ isReady }) => isReady), databases };
  }

  async #open({ version, address, names, metricsFile }: ExposedOptions) {
    const metrics = await LiveMetrics.open(version, metricsFileOf(metricsFile));
    const endpoint =
      address === undefined ? undefined : await Endpoint.open({ address, names, metrics, standing: this });
    return { metrics, endpoint };
  }
}
