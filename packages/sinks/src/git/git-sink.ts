import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SinkError } from "../errors.ts";
import { lockFile } from "../file-lock.ts";
import type { GitSettings } from "./git.ts";
import { commitLines, completeLength } from "./git-commit.ts";
import { cloneName, makeOwnFolder, openView, prepareClone } from "./git-directory.ts";
import type { Repository } from "./git-repository.ts";
import { type GitAddress, type NetworkRemote, placeOfTarget, resolveTarget } from "./git-target.ts";
import { ATTEMPTS, localWork, pause, remoteWork, requireOwner, type Work } from "./git-work.ts";
import { encodeLines, splitLines } from "../lines.ts";
import type { AppendOptions, Sink, SinkLine } from "../sink.ts";

interface Settings extends GitSettings {
  /** A folder of ours, where clones are kept; undefined for a temporary one. */
  readonly folder: string | undefined;
}

/**
 * A head log in a file of a git repository, one commit for each append.
 *
 * git is never started in the repository itself, whose configuration can name commands (see `git-repository.ts`). With
 * a `push` over a network, the log is what the remote holds. Its newest commit is fetched into a bare clone of our own
 * before every read and append. The new commit is made there on top of it, and pushed without force. If the remote has
 * moved meanwhile, that is repeated on top of the new state, with growing pauses. Of the repository in the sink's URL
 * nothing is used but the remote's URL, the author's name and the object format, as text; users get the commits when
 * they pull.
 *
 * Without `push`, or where it leads to a repository on this machine, that repository's branch is the log. Its objects
 * and references are used through a git directory of our own, with our configuration. The branch moves by compare and
 * swap. Where it is checked out, the log's own entry in the index and its file are brought along if they were
 * unmodified. Otherwise the user's next commit would take the new lines back. Nothing else is touched.
 *
 * Commits are put together from objects (hash-object, a private index, commit-tree). Nothing is checked out, and no
 * hook, filter or signature program runs. A process that is killed at any point leaves at most unreferenced objects.
 */
export function createGitSink(address: GitAddress, settings: Settings): Sink {
  const { name, path } = address;
  let temporary: Promise<string> | undefined;
  const clones = async (): Promise<string> => {
    if (settings.folder === undefined) return await (temporary ??= mkdtemp(join(tmpdir(), "audit-chain-clone-")));
    await makeOwnFolder(settings.folder);
    return settings.folder;
  };

  /** Works in our own clone of a remote, alone: others that use the same clone wait. */
  const inClone = async <T>(
    repository: Repository,
    remote: NetworkRemote,
    work: (work: Work) => Promise<T>,
  ): Promise<T> => {
    const directory = join(await clones(), cloneName(repository, remote.url));
    const release = await lockFile(directory, settings);
    try {
      await prepareClone(repository, directory);
      return await work(remoteWork(directory, repository, address, remote, settings));
    } finally {
      await release();
    }
  };

  return {
    name,
    kind: "git",
    read: async function* read(): AsyncGenerator<SinkLine> {
      const { repository, local, remote } = await resolveTarget(address, settings);
      if (remote !== undefined) {
        // Streamed after the lock is given back: the clone's reference keeps it.
        const found = await inClone(repository, remote, async ({ git, tip }) => ({ git, blob: (await tip()).blob }));
        if (found.blob !== undefined) yield* splitLines(found.git.stream(["cat-file", "blob", found.blob]));
        return;
      }
      const view = await openView(local);
      try {
        const { git, tip } = localWork(view, local, address, settings);
        const { blob } = await tip();
        if (blob !== undefined) yield* splitLines(git.stream(["cat-file", "blob", blob]));
      } finally {
        await rm(view, { recursive: true, force: true });
      }
    },
    append: async (lines, options = {}) => {
      const batch = { name, path, bytes: encodeLines(lines), count: lines.length, after: options.after };
      const { repository, local, remote } = await resolveTarget(address, settings);
      if (remote !== undefined)
        return await inClone(repository, remote, async (work) => append(work, repository, batch, settings.signal));
      await requireOwner(local);
      const view = await openView(local);
      try {
        return await append(localWork(view, local, address, settings), repository, batch, settings.signal);
      } finally {
        await rm(view, { recursive: true, force: true });
      }
    },
    place: async () => await placeOfTarget(address, await resolveTarget(address, settings)),
    close: async () => {
      const folder = await temporary;
      temporary = undefined;
      if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Batch {
  readonly name: string;
  readonly path: string;
  readonly bytes: Buffer;
  readonly count: number;
  readonly after: AppendOptions["after"];
}

async function append(
  { git, tip, move }: Work,
  repository: Repository,
  { name, path, bytes, count, after }: Batch,
  signal: AbortSignal | undefined,
): Promise<{ end: number }> {
  let first: { blob: string | undefined } | undefined;
  for (let attempt = 1; ; attempt += 1) {
    const at = await tip();
    // The pushed commit may have arrived although we were told otherwise, or another writer was first. Either way the
    // log is not what these lines were meant to follow.
    if (first && first.blob !== at.blob) throw new SinkError("conflict", `${name}: another writer has changed the log`);
    first ??= { blob: at.blob };
    const complete = await completeLength(git, at.blob);
    if (after !== undefined && after !== complete)
      throw new SinkError("conflict", `${name} was read with ${after} bytes of lines and now has ${complete}`);
    if (bytes.length === 0) return { end: complete };
    const made = await commitLines(git, repository, { at, path, complete, lines: bytes, count });
    if (await move(at, made)) return { end: complete + bytes.length };
    if (attempt === ATTEMPTS)
      throw new SinkError(
        "rejected",
        `${name}: other commits were faster ${ATTEMPTS} times in a row; nothing was appended`,
      );
    await pause(attempt, signal);
  }
}
