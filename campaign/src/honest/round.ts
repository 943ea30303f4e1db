import { HONEST_CHANGES } from "./all.ts";
import { falseAlarm } from "../judge.ts";
import { Random } from "../random.ts";
import type { Base } from "../world/base.ts";
import { World } from "../world/world.ts";

/** Changes between two verifications: enough of them that they meet. */
export const CHANGES_A_ROUND = 15;

/** Honest changes in one copy of the base, a publication, and a verification that must be clean. */
export interface Round {
  readonly round: number;
  readonly changes: readonly string[];
  /** What the verifier said that it must not say; null if it said nothing. */
  readonly alarm: string | null;
}

export async function runHonestRound(base: Base, round: number, seed: string): Promise<Round> {
  const random = new Random(seed, "honest", round);
  const world = await World.copy(base, `honest_${round}`);
  const changes: string[] = [];
  let number = 100;
  try {
    const left = [...HONEST_CHANGES];
    while (changes.length < CHANGES_A_ROUND) {
      const [change] = left.splice(random.int(left.length), 1);
      if (change === undefined) break;
      changes.push(change.name);
      await change.run(world, random, () => number++);
    }
    const published = await world.publish();
    if (published.status !== "intact") return { round, changes, alarm: `not published: ${JSON.stringify(published)}` };
    const alarm = falseAlarm(await world.verify({ args: random.chance(34) ? ["--jobs", "2"] : [] }));
    return { round, changes, alarm };
  } catch (error) {
    return { round, changes, alarm: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  } finally {
    await world[Symbol.asyncDispose]();
  }
}
