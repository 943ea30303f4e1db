import { escapeText, jsonText, redact, writeOut } from "@scidex/audit-command";
import type { RunStatus } from "../alerts/metrics.ts";

export type JobName = "seal" | "publish" | "verify" | "verify-full";

/** How a job ended. */
export interface JobEntry {
  readonly job: JobName;
  readonly status: RunStatus;
  readonly duration_ms: number;
  /** For a person, on one line. */
  readonly message: string;
  /** What `--json` has beside it. */
  readonly details?: object;
}

/** Writes one line per job to stdout. A line that cannot be written is lost: nothing of the work depends on it. */
export class JobLog {
  readonly #json: boolean;

  constructor(json: boolean) {
    this.#json = json;
  }

  async write({ job, status, duration_ms, message, details = {} }: JobEntry): Promise<void> {
    const time = new Date().toISOString();
    const entry = { time, job, status, duration_ms: Math.round(duration_ms), message: redact(message), ...details };
    const line = this.#json
      ? jsonText(plainNumbers(entry))
      : `${time} ${job} ${status}: ${escapeText(entry.message)} (${entry.duration_ms} ms)`;
    await writeOut(`${line}\n`).catch(() => undefined);
  }
}

/** Seqs are bigint, and far from what a double can't hold. */
const plainNumbers = (entry: object): unknown =>
  JSON.parse(JSON.stringify(entry, (_, value: unknown) => (typeof value === "bigint" ? Number(value) : value)));
