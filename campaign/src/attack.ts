import type { Attacker } from "./attacker/attacker.ts";
import type { Random } from "./random.ts";
import type { Trust, World } from "./world/world.ts";

/** What an attack has to work with. */
export interface Trial {
  readonly world: World;
  readonly random: Random;
  readonly attacker: Attacker;
  /** Seqs of the published heads, ascending, each once. */
  readonly heads: readonly number[];
  /** The chain's length. */
  readonly length: number;
  /** A number that no row's key has been made of yet. */
  readonly fresh: () => number;
}

/** Where a finding must be. What is left out may be anything. */
export interface Where {
  readonly check: string;
  readonly seq?: number;
  /** Both ends of the interval. */
  readonly interval?: readonly [from: number, to: number];
  readonly kind?: string;
  readonly pk?: string;
  /** Names that the finding must give. */
  readonly names?: string | readonly string[];
}

/** What the report must say of an attack. */
export interface Expected {
  /** What was drawn. */
  readonly variant: string;
  /** Any one of these is enough, unless `all` are to be there. */
  readonly found: readonly Where[];
  readonly all?: boolean;
  /** The seq that `first_divergence` must have. */
  readonly first?: number;
  /**
   * 3 where nothing is tampered with, but less can be proven: then `found` are groups that must be unproven, with what the
   * reasons must name. 0 where nothing may come of it at all: the report must be clean.
   */
  readonly exit?: 0 | 1 | 3;
  /** Checks that must stay silent: else the attacker was clumsy, and the trial has shown less than it should. */
  readonly silent?: readonly string[];
  /** What the verifier is given. */
  readonly trust?: Trust;
  /** The program whose report is judged. */
  readonly by?: "verifier" | "publisher";
  /** What the attacker does while the verifier is at work; it is told when that has ended. */
  readonly during?: (hasEnded: () => boolean) => Promise<void>;
  /** Puts back what belongs to the whole server, and ends sessions. */
  readonly undo?: () => Promise<void>;
}

export interface Attack {
  /** As in the table of threats. */
  readonly id: string;
  readonly title: string;
  /** The checks that its line names. */
  readonly checks: readonly string[];
  readonly perform: (trial: Trial) => Promise<Expected>;
}

/** The interval that the first head that does not fit any more is reported with, if links from `seq` on are others. */
export function intervalOf(heads: readonly number[], seq: number): readonly [number, number] {
  const to = heads.find((head) => head >= seq);
  if (to === undefined) throw new Error(`no head covers ${seq}: this attack cannot be detected`);
  return [(heads.findLast((head) => head < seq) ?? 0) + 1, to];
}

/** A seq that a published head covers. */
export const coveredSeq = ({ random, heads }: Trial, least = 1): number => random.between(least, heads.at(-1) ?? 1);
