import { type Vkeys, vkeysOf } from "@scidex/audit-core";
import { PublisherError } from "../errors.ts";
import { readLogKeys, readNextKeys } from "../state/log-keys.ts";
import { currentKeyFile } from "../state/key-file.ts";
import { publishTurn } from "./publish-head.ts";
import type { PublishOptions } from "./publish-options.ts";
import type { PublishResult } from "./result.ts";

/** Keys that have taken the place of others. */
export interface RotatedKey {
  readonly origin: string;
  readonly keyFile: string;
  /** The verifier keys that sign nothing any more, in the order of their key file. */
  readonly retired: readonly string[];
  /** Those that sign from now on. */
  readonly keys: Vkeys;
  /** The last head that the old ones have signed, and the first one that the new ones have. */
  readonly result: PublishResult;
}

/**
 * Replaces a log's keys by new ones, with a head that both sign. From then on the old ones sign nothing: their secret halves
 * are gone from the key file.
 *
 * The new keys lie in a file of their own before anything is signed. The keys have been replaced once the state says so,
 * which is durable before a line leaves for any sink and before the new keys get into the key file. A run that is killed
 * before has done nothing, but for that file, which the next one uses; after it, `publishHead` goes on, or the next run,
 * which then replaces no more keys.
 *
 * @throws {PublisherError} as `publishHead`; `configuration` for a log that has published nothing
 */
export async function rotateKey(options: PublishOptions): Promise<RotatedKey | { readonly result: PublishResult }> {
  const { path } = await currentKeyFile(options.keyFile);
  const { result, turn } = await publishTurn(options, async (keys) => await readNextKeys(path, keys));
  if (result.status === "tampered") return { result };
  if (turn === undefined)
    throw new PublisherError(
      "configuration",
      "the log has published nothing, so that no key has to be replaced: make new ones with audit-chain keygen",
    );
  const { keys } = await readLogKeys(path);
  return { origin: keys.origin, keyFile: path, retired: turn.keys, keys: vkeysOf(keys), result };
}
