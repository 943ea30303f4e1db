import { escapeText, redact, writeOut } from "@scidex/audit-command";
import { jsonForm, jsonText } from "@scidex/audit-core";
import type { RunStatus } from "../metrics/metrics.ts";

export type JobName = "seal" | "publish" | "verify" | "verify-full";

/** How a job ended. */
export interface JobEntry {
  readonly job: JobName;
  readonly status: RunStatus;
  /** Whether the message warns of something although the job did its work. */
  readonly hasWarning?: boolean;
  readonly durationMs: number;
  /** For a person, on one line. */
  readonly message: string;
  /** What `--json` has beside it. */
  readonly details?: object;
}

/** From the most to the least. */
export const LOG_LEVELS = ["info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface JobLogOptions {
  readonly json: boolean;
  /** What is below is not written. */
  readonly level: LogLevel;
}

/** Writes one line per job to stdout. A line that cannot be written is lost: nothing of the work depends on it. */
export class JobLog {
  readonly #options: JobLogOptions;

  constructor(options: JobLogOptions) {
    this.#options = options;
  }

  async write({ job, status, hasWarning = false, durationMs, message, details = {} }: JobEntry): Promise<void> {
    const level = levelOf(status, hasWarning);
    await this.#line(level, { job, status, durationMs: Math.round(durationMs), message: redact(message), ...details });
  }

  /** Says where the endpoint is. */
  async listening(url: string): Promise<void> {
    await this.#line("info", {
      job: "listen",
      status: "listening",
      durationMs: 0,
      message: `listening on ${url}`,
      url,
    });
  }

  async #line(
    level: LogLevel,
    entry: {
      readonly job: string;
      readonly status: string;
      readonly durationMs: number;
      readonly message: string;
      readonly url?: string;
    },
  ): Promise<void> {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(this.#options.level)) return;
    const time = new Date().toISOString();
    const line = this.#options.json
      ? jsonText(jsonForm({ time, level, ...entry }))
      : `${time} ${level} ${entry.job} ${entry.status}: ${escapeText(entry.message)} (${entry.durationMs} ms)`;
    await writeOut(`${line}\n`).catch(() => undefined);
  }
}

function levelOf(status: RunStatus, hasWarning: boolean): LogLevel {
  if (status === "tampered" || status === "failed") return "error";
  return status === "unproven" || hasWarning ? "warn" : "info";
}
