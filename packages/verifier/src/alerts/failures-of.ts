import { describeFailure } from "./describe-failure.ts";

/**
 * Why work could not be done, for what must not hold up anything else: one sentence, or none.
 *
 * @param what is put before the reason
 */
export async function failuresOf(work: Promise<void> | undefined, what = ""): Promise<string[]> {
  try {
    await work;
    return [];
  } catch (error) {
    return [`${what}${describeFailure(error)}`];
  }
}
