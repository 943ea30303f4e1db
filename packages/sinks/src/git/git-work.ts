import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SinkError } from "../errors.ts";
import { type Git, gitFailed, type GitSettings, openGit } from "./git.ts";
import { type Made, type Tip, tipAt } from "./git-commit.ts";
import { headBranch, type Repository } from "./git-repository.ts";
import type { GitAddress, NetworkRemote } from "./git-target.ts";
import { updateWorkTree } from "./git-work-tree.ts";
import { redact } from "../redact.ts";

/** A log that is being read or appended to, with git started in a directory of our own. */
export interface Work {
  readonly git: Git;
  readonly tip: () => Promise<Tip>;
  /** Makes a commit the newest of the tip's branch. False where the branch had moved. */
  readonly move: (at: Tip, made: Made) => Promise<boolean>;
}

/** How often a branch that moves under our hands is tried. */
export const ATTEMPTS = 8;
const BACK_OFF_MS = 100;

/** A clone's own garbage goes when some hundred objects have come together: each append leaves the whole log behind. */
const COLLECT = [
  "-c",
  "gc.auto=256",
  "-c",
  "gc.autoPackLimit=20",
  "-c",
  "gc.autoDetach=false",
  "-c",
  "gc.pruneExpire=now",
];

/** The branch of a repository on this machine. @param directory a view of it */
export function localWork(directory: string, target: Repository, address: GitAddress, settings: GitSettings): Work {
  const git = openGit({ directory, name: target.folder }, settings);
  return {
    git,
    tip: async () => {
      const branch = address.branch ?? (await headBranch(target));
      if (branch === undefined)
        throw new SinkError("wrong_type", `${address.name}: no branch is checked out; name one with &branch=`);
      const found = await git.run(["rev-parse", "--verify", "--quiet", `refs/heads/${branch}^{commit}`]);
      return await tipAt(git, branch, found.code === 0 ? found.stdout.trim() : undefined, address.path);
    },
    move: async (at, { commit, blob }) => {
      const args = ["update-ref", `refs/heads/${at.branch}`, commit, at.commit ?? ""];
      const result = await git.run(args);
      if (result.code !== 0) {
        if (/but expected|cannot lock ref|reference already exists/.test(result.stderr)) return false;
        throw gitFailed(target.folder, args, result);
      }
      if ((await headBranch(target)) === at.branch)
        await updateWorkTree(git, target, { path: address.path, mode: at.mode, from: at.blob, to: blob });
      return true;
    },
  };
}

/**
 * Root may write anywhere. What it makes in another user's repository, that user can no longer change.
 *
 * @throws {SinkError} `permission`
 */
export async function requireOwner({ folder, commonDirectory, settings }: Repository): Promise<void> {
  const { uid } = await stat(join(commonDirectory, "objects"));
  if (process.getuid?.() !== 0 || uid === 0 || settings.has("core.sharedrepository")) return;
  throw new SinkError(
    "permission",
    `${folder} belongs to another user (${uid}), who could no longer use it once root had appended to it: run the publisher as that user, or share the repository: git config core.sharedRepository group`,
  );
}

/** The branch of a repository that is reached over a network. @param directory a clone of our own */
export function remoteWork(
  directory: string,
  repository: Repository,
  address: GitAddress,
  remote: NetworkRemote,
  settings: GitSettings,
): Work {
  const shown = redact(remote.url);
  const git = openGit({ directory, name: shown, protocol: remote.protocol }, settings);
  return {
    git,
    tip: async () => {
      for (let attempt = 1; ; attempt += 1) {
        const { branch, commit } = await listRemote(git, repository, address, remote);
        if (commit === undefined || (await has(git, commit))) return await tipAt(git, branch, commit, address.path);
        // As it is now, also where it was rewound: what that means is the caller's to say.
        const refs = `+refs/heads/${branch}:refs/heads/log`;
        const quiet = ["--quiet", "--no-tags", "--no-write-fetch-head", "--refmap=", "--update-head-ok"];
        await git.text(["fetch", ...quiet, "--depth=1", "--", remote.url, refs]);
        if (await has(git, commit)) return await tipAt(git, branch, commit, address.path);
        if (attempt === ATTEMPTS)
          throw new SinkError("git", `${address.name}: the branch was replaced again and again while it was read`);
        await pause(attempt, settings.signal);
      }
    },
    move: async (at, { commit }) => {
      if (!(await push(git, shown, remote.pushUrl, at, commit))) return false;
      // It is published. What is left is housekeeping, and does not make it less so.
      await git.run(["update-ref", "refs/heads/log", commit]);
      await git.run([...COLLECT, "gc", "--auto", "--quiet"]);
      return true;
    },
  };
}

/** Whether a commit is there with all that it needs: fetched objects come as one pack, our own in order. */
const has = async (git: Git, commit: string): Promise<boolean> =>
  (await git.run(["cat-file", "-e", `${commit}^{commit}`])).code === 0;

/**
 * The remote's branch, and its commit. The default branch is the remote's: a user who switches branches in the clone would
 * otherwise move the log. An empty remote has none; there it is that of the repository in the URL.
 */
async function listRemote(
  git: Git,
  repository: Repository,
  address: GitAddress,
  remote: NetworkRemote,
): Promise<{ branch: string; commit: string | undefined }> {
  const list = async (...what: string[]) => await git.text(["ls-remote", "--quiet", ...what]);
  if (address.branch === undefined) {
    const listed = await list("--symref", "--", remote.url, "HEAD");
    const branch = /^ref: refs\/heads\/(\S+)\tHEAD$/m.exec(listed)?.[1];
    const commit = /^([0-9a-f]+)\tHEAD$/m.exec(listed)?.[1];
    if (branch !== undefined && commit !== undefined) return { branch, commit };
  }
  const branch = address.branch ?? (await headBranch(repository)) ?? "main";
  const listed = await list("--", remote.url, `refs/heads/${branch}`);
  return { branch, commit: /^([0-9a-f]+)\t/.exec(listed)?.[1] };
}

/** True when the remote's branch now ends with our commit, false when it had moved. */
async function push(git: Git, shown: string, url: string, at: Tip, commit: string): Promise<boolean> {
  const args = [
    "push",
    "--porcelain",
    "--no-verify",
    "--no-signed",
    "--no-follow-tags",
    "--recurse-submodules=no",
    "--",
    url,
    `${commit}:refs/heads/${at.branch}`,
  ];
  const result = await git.run(args);
  if (result.code === 0) return true;
  const status = /^!\t\S+\t(.*)$/m.exec(result.stdout)?.[1];
  // `[rejected] (fetch first | non-fast-forward)` is what our own git says. A push that ran at the same time as ours
  // shows as a lock, or as a reference that is not where it was. Anything else (a protected branch, a hook of the
  // remote) will not pass the second time either.
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
      `${shown} refused the push to ${at.branch}: ${status}${result.stderr ? `; ${result.stderr}` : ""}`,
    );
  throw gitFailed(shown, args, result);
}

/** Waits before another try. Random, so that two writers that collided don't collide again. */
export async function pause(attempt: number, signal: AbortSignal | undefined): Promise<void> {
  const ms = BACK_OFF_MS * 2 ** (attempt - 1) * (0.5 + Math.random());
  try {
    await sleep(ms, undefined, signal ? { signal } : {});
  } catch {
    throw new SinkError("aborted", "stopped while waiting to try again");
  }
}
