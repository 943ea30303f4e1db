import { setTimeout as sleep } from "node:timers/promises";
import { PublisherError } from "../../errors.ts";

/** How long the server may take to notice that our last connection has ended. */
export const FREE_WITHIN_MS = 5_000;

/** Does something with the slot, once nobody follows it any more. @throws {PublisherError} `stream` where somebody does */
export async function whenFree<T>(work: () => Promise<T>): Promise<T> {
  const until = performance.now() + FREE_WITHIN_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const isActive =
        error instanceof Error && "code" in error && error.code === "55006" && /is active/u.test(error.message);
      if (!isActive) throw error;
      if (performance.now() > until)
        throw new PublisherError("stream", `another capture process is running: ${error.message}`, { cause: error });
      await sleep(100);
    }
  }
}
