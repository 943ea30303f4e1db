import type { Lane } from "@scidex/audit-reader";

/** Something that is read on one connection. */
export type Job<T> = (lane: Lane) => Promise<T>;

/**
 * Does jobs side by side: each lane takes the next one that nobody has begun. All of them come to an end, also where one
 * fails, before that is said: a connection in the middle of a COPY is of no use.
 *
 * @returns what came of each, in the order of the jobs
 */
export async function sideBySide<T>(
  lanes: readonly Lane[],
  jobs: readonly Job<T>[],
): Promise<PromiseSettledResult<T>[]> {
  const results = new Map<number, PromiseSettledResult<T>>();
  const waiting = jobs.entries();
  await Promise.all(
    lanes.map(async (lane) => {
      for (const [i, job] of waiting) {
        const [result] = await Promise.allSettled([job(lane)]);
        results.set(i, result);
      }
    }),
  );
  return jobs.flatMap((_, i) => results.get(i) ?? []);
}
