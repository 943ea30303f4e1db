import { CoreError, type Head, type HeadTrust, parseHeadLine } from "@scidex/audit-core";
import { type Publication, publicationOf } from "@scidex/audit-reader";
import type { Sink } from "@scidex/audit-sinks";
import { messageOf, PublisherError } from "../errors.ts";
import { recoverState } from "../sinks/recover-state.ts";
import { stateFileOf } from "../state/key-file.ts";
import { lastLine } from "../state/state.ts";
import { StateFile } from "../state/state-file.ts";

/** What the publisher remembers. */
export interface Memory {
  readonly file: StateFile;
  /** The head that was signed last; undefined where none has been. */
  readonly last: Head | undefined;
  /** That head, or the statement that was signed after it. Nothing is signed earlier. */
  readonly newest: Publication | undefined;
}

/**
 * Opens the state beside the keys, or rebuilds one from the sinks where that is asked for.
 *
 * @throws {PublisherError} `state_missing`, `state_invalid`, `configuration`, `io`; `recovery` where it is rebuilt
 */
export async function openMemory(
  { keyFile, recoverState: isLost = false }: { readonly keyFile: string; readonly recoverState?: boolean },
  origin: string,
  sinks: readonly Sink[],
  trust: HeadTrust,
): Promise<Memory> {
  const path = stateFileOf(keyFile);
  const file = isLost
    ? await StateFile.create(path, await recoverState(origin, sinks, trust))
    : await StateFile.open(path, origin);
  const last = lastHead(file, trust);
  return { file, last, newest: newestOf(file, trust) ?? last };
}

/** The last line that our own state has of the log. */
function newestOf({ path, state }: StateFile, trust: HeadTrust): Publication | undefined {
  const line = lastLine(state);
  const read = line === null ? undefined : publicationOf(line, trust);
  if (!(read instanceof CoreError)) return read;
  throw notOurs("last line", path, read);
}

/** The last head of our own state, verified all the same: the frontier in it is what new links are appended to. */
function lastHead({ path, state }: StateFile, trust: HeadTrust): Head | undefined {
  if (state.head === null) return undefined;
  try {
    return parseHeadLine(state.head, trust);
  } catch (cause) {
    throw notOurs("last head", path, cause);
  }
}

const notOurs = (what: string, path: string, cause: unknown): PublisherError =>
  new PublisherError(
    "state_invalid",
    `the ${what} in the state file ${path} was not signed with these keys (${messageOf(cause)}): put back the key file that belongs to it, or the newest copy of the state`,
    { cause },
  );
