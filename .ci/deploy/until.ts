import { strict as assert } from "node:assert";
import { setTimeout as sleep } from "node:timers/promises";

/** Waits until something is so; two minutes at most. */
export async function until(what: string, is: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (!(await is())) {
    assert(Date.now() < deadline, `not in two minutes: ${what}`);
    await sleep(300);
  }
}
