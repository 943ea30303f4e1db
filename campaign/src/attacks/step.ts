import type { Expected, Trial, Where } from "../attack.ts";

/** A statement, what it is called, and what must be found. */
export interface Step {
  readonly variant: string;
  readonly sql: string;
  readonly found: readonly Where[];
  readonly exit?: 0 | 3;
  readonly undo?: string;
}

/** Runs a step as the attacker. */
export async function perform({ attacker }: Trial, { variant, sql, found, exit, undo }: Step): Promise<Expected> {
  await attacker.run(sql);
  return {
    variant,
    found,
    ...(exit === undefined ? {} : { exit }),
    ...(undo === undefined ? {} : { undo: async () => void (await attacker.run(undo)) }),
  };
}
