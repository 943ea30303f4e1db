/**
 * Checkpoints (c2sp.org/tlog-checkpoint): the note text that a log signs for its tree. Three lines, each ended by a
 * newline:
 *
 *     scidex.ai/audit-chain
 *     1042
 *     CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
 *
 * - origin: the log's name, which is also its key's name, and so has no white space, no `+`, at most 255 bytes;
 * - tree size: decimal without leading zeros, at most 2^63 - 1;
 * - root hash: canonical base64 of 32 bytes.
 *
 * This log writes no extension lines, so one that has any is not its own, and is refused.
 */
import { fromBase64, toBase64 } from "./base64.ts";
import { CoreError } from "./errors.ts";
import { checkHash } from "./hash.ts";
import { checkTreeSize } from "./merkle.ts";
import { checkName } from "./name.ts";

/** A tree, as its log states it. */
export interface Checkpoint {
  readonly origin: string;
  /** Number of leaves. */
  readonly size: bigint;
  /** 32 bytes. */
  readonly root: Uint8Array;
}

/**
 * The note text of a checkpoint.
 *
 * @throws {CoreError} `name_malformed`, `tree_range`, `hash_length`
 */
export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  return `${checkName(origin)}\n${checkTreeSize(size)}\n${toBase64(checkHash(root, "root"))}\n`;
}

/**
 * The checkpoint of a note text, which must be exactly what `formatCheckpoint` writes.
 *
 * @throws {CoreError} `checkpoint_malformed`
 */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = "", size = "", root = "", end, ...rest] = text.split("\n", 5);
  if (end !== "" || rest.length > 0) {
    throw new CoreError("checkpoint_malformed", "a checkpoint of this log has three lines and no extension lines");
  }
  // Before BigInt, which takes quadratic time on a million digits.
  if (!/^\d{1,19}$/u.test(size))
    throw new CoreError("checkpoint_malformed", "the tree size is not a whole number of at most 19 digits");
  let checkpoint: Checkpoint;
  let again: string;
  try {
    checkpoint = { origin, size: BigInt(size), root: fromBase64(root) };
    again = formatCheckpoint(checkpoint);
  } catch (cause) {
    if (!(cause instanceof CoreError)) throw cause;
    throw new CoreError("checkpoint_malformed", `not a checkpoint: ${cause.message}`, { cause });
  }
  // Leading zeros in the size.
  if (again !== text) throw new CoreError("checkpoint_malformed", "a checkpoint that is not in its canonical form");
  return checkpoint;
}
