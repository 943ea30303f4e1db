/** The verification has taken as long as it may. */
export class DeadlineError extends Error {
  override readonly name = "DeadlineError";
}

/** The end of the time that a verification has. */
export interface Deadline {
  /** Rejects with a DeadlineError once the time is over, and with the signal's reason where it comes; never otherwise. */
  readonly passed: Promise<never>;
  /** Whether it is over. */
  readonly isPassed: boolean;
  /** Forgets it, so that nothing waits for it any more. */
  clear(): void;
}

/** The longest time that a timer of Node.js can have. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * @param milliseconds from now on
 * @param signal ends it at once
 */
export function startDeadline(milliseconds: number, signal?: AbortSignal): Deadline {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {});
  let isPassed = false;
  const stop = () => reject(signal?.reason);
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted === true) stop();
  const timer = setTimeout(
    () => {
      isPassed = true;
      reject(
        new DeadlineError(
          `the verification was ended after ${milliseconds / 1000} s, as long as it may take (--max-duration): something in the database does not end, is locked, or is larger than expected`,
        ),
      );
    },
    Math.min(milliseconds, LONGEST_MS),
  );
  return {
    passed: promise,
    get isPassed() {
      return isPassed;
    },
    clear: () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    },
  };
}
