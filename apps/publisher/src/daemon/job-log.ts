import { escapeText, redact, writeOut } from "@scidex/audit-command";
import { jsonForm, jsonText } from "@scidex/audit-core";
import type { RunStatus } from "../alerts/metrics.ts";

export type JobName = "seal" | "publish" | "verify" | "verify-full";

/** How a job ended. */
export interface JobEntry {
  readonly job: JobName;
  readonly status: RunStatus;
  readonly durationMs: number;
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

  async write({ job, status, durationMs, message, details = {} }: JobEntry): Promise<void> {
    const time = new Date().toISOString();
    const entry = { time, job, status, durationMs: Math.round(durationMs), message: redact(message), ...details };
    const line = this.#json
      ? jsonText(jsonForm(entry))
      : `${time} ${job} ${status}: ${escapeText(entry.message)} (${entry.durationMs} ms)`;
    await writeOut(`${line}\n`).catch(() => undefined);
  }
}
