import { CoreError, openCheckpoint, type ProofTrust, type SignedCheckpoint } from "@scidex/audit-core";
import { VerifierError } from "@scidex/audit-reader";
import type { TreeFiles } from "@scidex/audit-sinks";

/** The checkpoint that a tree's files show. */
export interface Shown extends SignedCheckpoint {
  /** The signed note. */
  readonly note: string;
}

/** @throws {VerifierError} `not_provable` where there is none that can be believed */
export async function shownCheckpoint(files: TreeFiles, trust: ProofTrust): Promise<Shown> {
  const bytes = await files.read("checkpoint");
  if (bytes === undefined)
    throw new VerifierError("not_provable", "There is no checkpoint: nothing was published here.");
  const note = Buffer.from(bytes).toString("utf8");
  return orNot("the checkpoint is not one that can be believed", () => ({ ...openCheckpoint(note, trust), note }));
}

/** @throws {VerifierError} `not_provable` where it cannot be had from what stands there */
export function orNot<T>(what: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    if (!(cause instanceof CoreError)) throw cause;
    throw new VerifierError("not_provable", `No proof can be made: ${what}: ${cause.message}`, { cause });
  }
}
