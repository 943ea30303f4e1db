import { escapeText } from "@scidex/audit-core";
import { currentMember } from "./fleet/member.ts";

export interface ProgressOptions {
  /** What is being done, for example `verify`. */
  readonly label: string;
  /** How many there are; without it, neither a percentage nor a remaining time is shown. */
  readonly total?: number | bigint;
  /** Where it goes; stderr if not given. */
  readonly stream?: ProgressStream;
}

/** As much of a terminal as is needed here. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export interface Progress {
  /** How many are done by now. Cheap: call it as often as you like. */
  update(done: number | bigint): void;
  /** Removes the line; to be called also when something fails, before the error is printed. */
  done(): void;
}

/** Ten times a second is as fast as one can read, and costs nothing. */
const INTERVAL_MS = 100;

const active = new Set<Progress>();

/** One line on stderr with count, rate and remaining time, where stderr is a terminal; elsewhere nothing. */
export function progress(options: ProgressOptions): Progress {
  const stream: ProgressStream = options.stream ?? process.stderr;
  // Of several databases, how many are done is what counts.
  if (stream.isTTY !== true || currentMember() !== undefined) return { update: () => {}, done: () => {} };
  const started = performance.now();
  let drawn = Number.NEGATIVE_INFINITY;
  const line: Progress = {
    update: (done) => {
      const now = performance.now();
      if (now - drawn < INTERVAL_MS) return;
      drawn = now;
      active.add(line);
      const text = progressText(options, Number(done), (now - started) / 1000);
      stream.write(`\r${text.slice(0, (stream.columns ?? 80) - 1)}\u001b[K`);
    },
    done: () => {
      if (active.delete(line)) stream.write("\r\u001b[K");
    },
  };
  return line;
}

/** Removes every progress line that is still shown, so that what is printed next stands on a line of its own. */
export function clearProgress(): void {
  for (const line of active) line.done();
}

/** For example `verify: 120,000 of 1,000,000 (12 %), 400,000/s, 3 s left`. */
export function progressText(options: ProgressOptions, done: number, seconds: number): string {
  const rate = seconds > 0 ? done / seconds : 0;
  const parts = [`${escapeText(options.label)}: ${done.toLocaleString("en")}`];
  const total = options.total === undefined ? undefined : Number(options.total);
  if (total !== undefined && total > 0) {
    parts[0] += ` of ${total.toLocaleString("en")} (${Math.min(100, Math.floor((done / total) * 100))} %)`;
  }
  if (rate > 0) parts.push(`${Math.round(rate).toLocaleString("en")}/s`);
  if (total !== undefined && rate > 0 && total > done) parts.push(`${timeText((total - done) / rate)} left`);
  return parts.join(", ");
}

function timeText(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
