import {
  type Beginning,
  CoreError,
  type Head,
  type HeadTrust,
  isErasureLine,
  parseBeginningLine,
  parseHeadLine,
} from "@scidex/audit-core";
import { type Publication, publicationOf } from "@scidex/audit-reader";
import type { Sink } from "@scidex/audit-sinks";
import { messageOf, PublisherError } from "../errors.ts";
import { recoverState } from "../sinks/recover-state.ts";
import { stateFileOf } from "../state/key-file.ts";
import { lastLine } from "../state/state.ts";
import { StateFile } from "../state/state-file.ts";

/** What the publisher remembers of what it has signed. */
export interface Remembered {
  /** The head that was signed last; undefined where none has been. */
  readonly last: Head | undefined;
  /** With what the log begins; undefined for the first one. */
  readonly begun: Beginning | undefined;
  /** That head, or the statement that was signed after it. Nothing is signed earlier. */
  readonly newest: Publication | undefined;
}

/** The same, with the file that has it. */
export interface Memory extends Remembered {
  readonly file: StateFile;
}

/**
 * Opens the state beside the keys, or rebuilds one from the sinks where that is asked for.
 *
 * @throws {PublisherError} `state_missing`, `state_invalid`, `state_outdated`, `configuration`, `io`; `recovery` where it is rebuilt
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
  requireLast(file);
  return { file, ...rememberedOf(file, trust) };
}

/** A state, and the path of its file, for messages. */
export type StateOf = Pick<StateFile, "path" | "state">;

/** What a state says was signed, verified. @throws {PublisherError} `state_invalid` */
export function rememberedOf(of: StateOf, trust: HeadTrust): Remembered {
  const last = lastHead(of, trust);
  const { begun } = of.state;
  return {
    last,
    begun: begun === null ? undefined : parseBeginningLine(begun.line),
    newest: newestOf(of, trust) ?? last,
  };
}

/** What is signed after a log has ended would stand beside the one that follows. */
function requireLast({ path, state: { origin, followedBy } }: StateFile): void {
  if (followedBy === null) return;
  throw new PublisherError(
    "state_outdated",
    `the log ${JSON.stringify(origin)} has ended, and ${JSON.stringify(followedBy)} has begun in its place, whose key file is not here. Put it back beside ${path}, with its state. Where it is lost: audit-publisher begin, with AUDIT_SIGNING_KEY_FILE naming the lost file`,
  );
}

/** The last line that our own state has of the log. */
function newestOf({ path, state }: StateOf, trust: HeadTrust): Publication | undefined {
  const line = lastLine(state);
  // What others have signed has no time: it says nothing of how far we are.
  const read = line === null || isErasureLine(line) ? undefined : publicationOf(line, trust);
  if (!(read instanceof CoreError)) return read;
  throw notOurs("last line", path, read);
}

/** The last head of our own state, verified all the same: the frontier in it is what new links are appended to. */
function lastHead({ path, state }: StateOf, trust: HeadTrust): Head | undefined {
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
