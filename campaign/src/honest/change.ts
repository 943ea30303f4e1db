import type { Random } from "../random.ts";
import type { World } from "../world/world.ts";

/** Something that is no attack: after it the report must be clean. */
export interface HonestChange {
  readonly name: string;
  readonly run: (world: World, random: Random, fresh: () => number) => Promise<void>;
}
