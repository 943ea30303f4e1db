import { setTimeout as sleep } from "node:timers/promises";

/** Timers don't run on while a machine sleeps, and clocks are set: the time is looked at again that often. */
const LOOK_AGAIN_MS = 30_000;

/** The pause after a first failure, in milliseconds; doubled after each further one, up to the longest. */
export const FIRST_RETRY_MS = 30_000;
export const LONGEST_RETRY_MS = 900_000;

/** Something that is done again and again. */
export interface Job {
  /** When it is to be done next, in milliseconds since the Unix epoch. */
  readonly dueMs: () => number;
  /** The usual time between two runs, in milliseconds: a failure never makes it longer. */
  readonly everyMs: number;
  /** Does it once; false where it has to be tried again soon. Throws only for mistakes of ours. */
  readonly run: () => Promise<boolean>;
}

/** Does a job whenever it is due, until the signal comes. What fails is tried again, ever more patiently. */
export async function repeat({ dueMs, everyMs, run }: Job, signal: AbortSignal): Promise<void> {
  let failures = 0;
  let atMs = dueMs();
  for (;;) {
    while (!signal.aborted && Date.now() < atMs)
      await sleep(Math.min(LOOK_AGAIN_MS, Math.max(1, atMs - Date.now())), undefined, { signal }).catch(
        () => undefined,
      );
    if (signal.aborted) return;
    failures = (await run()) ? 0 : failures + 1;
    const retryMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 20), LONGEST_RETRY_MS, everyMs);
    atMs = failures === 0 ? dueMs() : Date.now() + retryMs;
  }
}
