import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SinkError } from "./errors.ts";
import { type Git, gitFailed, openGit } from "./git.ts";
import { updateWorkTree } from "./git-work-tree.ts";
import { encodeLines, splitLines } from "./lines.ts";
import type { Sink, SinkLine } from "./sink.ts";
import type { SinkAddress } from "./url.ts";

type GitAddress = Extract<SinkAddress, { kind: "git" }>;

interface Settings {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Where the log stands: the commit (undefined: the branch does not exist yet) and the log's blob in it. */
interface Tip {
  readonly branch: string;
  readonly commit: string | undefined;
  readonly blob: string | undefined;
  readonly mode: string;
}

const ATTEMPTS = 8;
const BACK_OFF_MS = 100;

/**
 * A head log in a file of a git repository, one commit for each append.
 *
 * With `push`, what counts is the remote: its branch is fetched before every read and append, the commit is made on top
 * of it, and pushed without force. If the remote has moved meanwhile, that is repeated on top of the new state, with
 * growing pauses. The user's branches, index and work tree are not touched at all; what changes in the repository,
 * besides new objects, is the remote-tracking branch, as with any push. Users get the commits when they pull.
 *
 * Without `push`, the local branch is the log. It moves by compare and swap. Where it is checked out, the log's own
 * entry in the index and its file are brought along if they were unmodified, or else the user's next commit would take
 * the new lines back; nothing else is touched.
 *
 * Commits are put together from objects (hash-object, a private index, commit-tree): nothing is checked out, no
 * hook and no signature program runs, and a process that is killed at any point leaves at most unreferenced objects.
 */
export function createGitSink(address: GitAddress, settings: Settings): Sink {
  const { name, repository, path } = address;
  const git = openGit(repository, settings);

  const tip = async (): Promise<Tip> => {
    await requireRepository(git, repository);
    return address.push === undefined ? localTip(git, address) : remoteTip(git, address, address.push, settings.signal);
  };

  return {
    name,
    kind: "git",
    read: async function* read(): AsyncGenerator<SinkLine> {
      const { blob } = await tip();
      if (blob !== undefined) yield* splitLines(git.stream(["cat-file", "blob", blob]));
    },
    append: async (lines, options = {}) => {
      const bytes = encodeLines(lines);
      let first: { blob: string | undefined } | undefined;
      for (let attempt = 1; ; attempt += 1) {
        const at = await tip();
        // The pushed commit may have arrived although we were told otherwise, or another writer was first. Either way the
        // log is not what these lines were meant to follow.
        if (first && first.blob !== at.blob)
          throw new SinkError("conflict", `${name}: another writer has changed the log`);
        first ??= { blob: at.blob };
        const complete = await completeLength(git, at.blob);
        if (options.after !== undefined && options.after !== complete)
          throw new SinkError(
            "conflict",
            `${name} was read with ${options.after} bytes of lines and now has ${complete}`,
          );
        if (bytes.length === 0) return { end: complete };
        const made = await commit(git, at, path, complete, bytes, lines.length);
        const moved =
          address.push === undefined
            ? await moveLocal(git, at, path, made)
            : await push(git, repository, address.push, at, made.commit);
        if (moved) return { end: complete + bytes.length };
        if (attempt === ATTEMPTS)
          throw new SinkError(
            "rejected",
            `${name}: other commits were faster ${ATTEMPTS} times in a row; nothing was appended`,
          );
        await pause(attempt, settings.signal);
      }
    },
    close: async () => {},
  };
}

async function requireRepository(git: Git, repository: string): Promise<void> {
  const folder = await stat(repository).catch(() => undefined);
  if (!folder?.isDirectory())
    throw new SinkError(
      "folder_missing",
      `the repository ${repository} does not exist. It is not created, because it may be on a disk that is not mounted: mount it or clone it`,
    );
  await git.text(["rev-parse", "--git-dir"]);
}

async function localTip(git: Git, address: GitAddress): Promise<Tip> {
  const branch = address.branch ?? (await headBranch(git));
  if (branch === undefined)
    throw new SinkError("wrong_type", `${address.name}: no branch is checked out; name one with &branch=`);
  const found = await git.run(["rev-parse", "--verify", "--quiet", `refs/heads/${branch}^{commit}`]);
  return tipAt(git, branch, found.code === 0 ? found.stdout.trim() : undefined, address.path);
}

async function remoteTip(git: Git, address: GitAddress, remote: string, signal: AbortSignal | undefined): Promise<Tip> {
  const branch = address.branch ?? (await remoteDefaultBranch(git, remote)) ?? (await headBranch(git)) ?? "main";
  const where = ["--", remote, `refs/heads/${branch}`];
  for (let attempt = 1; ; attempt += 1) {
    const [, commit] = /^([0-9a-f]+)\t/.exec(await git.text(["ls-remote", "--quiet", ...where])) ?? [];
    if (commit === undefined) return tipAt(git, branch, undefined, address.path);
    // Objects only: no reference is written, so nothing of the user's moves, and a git that is killed here leaves no lock
    // behind. A remote that was rewound is read as it is now: what that means is the caller's to say.
    await git.text(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--refmap=", ...where]);
    if ((await git.run(["cat-file", "-e", `${commit}^{commit}`])).code === 0)
      return tipAt(git, branch, commit, address.path);
    if (attempt === ATTEMPTS)
      throw new SinkError("git", `${address.name}: the branch was replaced again and again while it was read`);
    await pause(attempt, signal);
  }
}

async function tipAt(git: Git, branch: string, commit: string | undefined, path: string): Promise<Tip> {
  const none = { branch, commit, blob: undefined, mode: "100644" };
  if (commit === undefined) return none;
  const entry = await git.text(["ls-tree", "-z", "--full-tree", commit, "--", path]);
  if (entry === "") return none;
  const [, mode = "", type, blob] = /^(\d+) (\w+) ([0-9a-f]+)\t/.exec(entry) ?? [];
  if (type !== "blob" || blob === undefined || !mode.startsWith("100"))
    throw new SinkError("wrong_type", `${path} on ${branch} is not a regular file`);
  return { branch, commit, blob, mode };
}

/** The branch that the repository has checked out, also when it has no commit yet. */
async function headBranch(git: Git): Promise<string | undefined> {
  const { code, stdout } = await git.run(["symbolic-ref", "--quiet", "HEAD"]);
  return code === 0 ? /^refs\/heads\/(.+)$/.exec(stdout.trim())?.[1] : undefined;
}

/** Not the local checkout's branch: a user who switches branches would move the log. Undefined for an empty remote. */
async function remoteDefaultBranch(git: Git, remote: string): Promise<string | undefined> {
  const listed = await git.text(["ls-remote", "--quiet", "--symref", "--", remote, "HEAD"]);
  return /^ref: refs\/heads\/(\S+)\tHEAD$/m.exec(listed)?.[1];
}

/** The offset just after the last line feed of a blob. */
async function completeLength(git: Git, blob: string | undefined): Promise<number> {
  let size = 0;
  let complete = 0;
  if (blob !== undefined) {
    for await (const chunk of git.stream(["cat-file", "blob", blob])) {
      const at = chunk.lastIndexOf(0x0a);
      if (at !== -1) complete = size + at + 1;
      size += chunk.length;
    }
  }
  return complete;
}

async function* firstBytes(chunks: AsyncIterable<Uint8Array>, length: number): AsyncGenerator<Uint8Array> {
  let left = length;
  for await (const chunk of chunks) {
    // Read to the end even so: the exit code comes after it.
    if (left > 0) yield chunk.subarray(0, left);
    left -= Math.min(left, chunk.length);
  }
}

async function commit(
  git: Git,
  at: Tip,
  path: string,
  complete: number,
  lines: Buffer,
  count: number,
): Promise<{ commit: string; blob: string }> {
  const content = async function* content(): AsyncGenerator<Uint8Array> {
    if (at.blob !== undefined) yield* firstBytes(git.stream(["cat-file", "blob", at.blob]), complete);
    yield lines;
  };
  const blob = await git.text(["hash-object", "-w", "--stdin"], { input: content() });
  const folder = await mkdtemp(join(tmpdir(), "audit-chain-"));
  try {
    const env = { GIT_INDEX_FILE: join(folder, "index") };
    if (at.commit !== undefined) await git.text(["read-tree", at.commit], { env });
    await git.text(["update-index", "--add", "--cacheinfo", `${at.mode},${blob},${path}`], { env });
    const tree = await git.text(["write-tree"], { env });
    const message =
      count === 1 ? "Append a published head of the audit chain" : `Append ${count} published heads of the audit chain`;
    const parent = at.commit === undefined ? [] : ["-p", at.commit];
    const made = await git.text(["commit-tree", "--no-gpg-sign", tree, ...parent, "-m", message], {
      env: await identity(git),
    });
    return { commit: made, blob };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The configured author, or a fixed one: git would otherwise guess from the host's name or refuse. */
async function identity(git: Git): Promise<Record<string, string>> {
  const env: Record<string, string> = {};
  const fallback = {
    NAME: ["user.name", "audit-chain publisher"],
    EMAIL: ["user.email", "publisher@audit-chain.invalid"],
  } as const;
  for (const [part, [setting, value]] of Object.entries(fallback)) {
    if ((await git.run(["config", "--get", setting])).code === 0) continue;
    for (const role of ["AUTHOR", "COMMITTER"]) {
      const variable = `GIT_${role}_${part}`;
      if (process.env[variable] === undefined) env[variable] = value;
    }
  }
  return env;
}

/** True when the remote's branch now ends with our commit, false when it had moved. */
async function push(git: Git, repository: string, remote: string, at: Tip, commit: string): Promise<boolean> {
  const args = [
    "push",
    "--porcelain",
    "--no-verify",
    "--no-signed",
    "--no-follow-tags",
    "--recurse-submodules=no",
    "--",
    remote,
    `${commit}:refs/heads/${at.branch}`,
  ];
  const result = await git.run(args);
  if (result.code === 0) return true;
  const status = /^!\t\S+\t(.*)$/m.exec(result.stdout)?.[1];
  // `[rejected] (fetch first | non-fast-forward)` is said by our git; a push that ran at the same time as ours shows as a
  // lock or a reference that is not where it was. Anything else (a protected branch, a hook of the remote) will not pass
  // the second time either.
  if (
    status !== undefined &&
    /fetch first|non-fast-forward|stale info|cannot lock ref|failed to update ref|reference already exists|incorrect old value|failed to lock/.test(
      status,
    )
  )
    return false;
  if (status !== undefined)
    throw new SinkError(
      "rejected",
      `${remote} refused the push to ${at.branch}: ${status}${result.stderr ? `; ${result.stderr}` : ""}`,
    );
  throw gitFailed(repository, args, result);
}

async function moveLocal(git: Git, at: Tip, path: string, made: { commit: string; blob: string }): Promise<boolean> {
  const reference = `refs/heads/${at.branch}`;
  const result = await git.run(["update-ref", reference, made.commit, at.commit ?? ""]);
  if (result.code !== 0) {
    if (/but expected|cannot lock ref|reference already exists/.test(result.stderr)) return false;
    throw gitFailed("the repository", ["update-ref"], result);
  }
  if ((await headBranch(git)) === at.branch)
    await updateWorkTree(git, { path, mode: at.mode, from: at.blob, to: made.blob });
  return true;
}

async function pause(attempt: number, signal: AbortSignal | undefined): Promise<void> {
  // Random, so that two writers that collided don't collide again.
  const ms = BACK_OFF_MS * 2 ** (attempt - 1) * (0.5 + Math.random());
  try {
    await sleep(ms, undefined, signal ? { signal } : {});
  } catch {
    throw new SinkError("aborted", "stopped while waiting to try again");
  }
}
