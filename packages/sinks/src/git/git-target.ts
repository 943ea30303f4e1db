import { type GitSettings, openGit } from "./git.ts";
import { headBranch, readRepository, type Repository } from "./git-repository.ts";
import { placeOfUrl, type Remote, resolveRemote } from "./git-remote.ts";
import { identityOf, type Place } from "../place.ts";
import type { SinkAddress } from "../url.ts";

export type GitAddress = Extract<SinkAddress, { kind: "git" }>;
export type NetworkRemote = Extract<Remote, { kind: "network" }>;

/** What a git sink's URL leads to. */
export type Target =
  /** A branch of a repository on this machine: the one in the URL, or the one that `push` leads to. */
  | { readonly repository: Repository; readonly local: Repository; readonly remote: undefined }
  | { readonly repository: Repository; readonly local: undefined; readonly remote: NetworkRemote };

/** @throws {SinkError} `folder_missing`, `wrong_type`, `permission`, `url_invalid`, `git` */
export async function resolveTarget(address: GitAddress, settings: GitSettings): Promise<Target> {
  const git = openGit({ directory: undefined, name: address.repository }, settings);
  const repository = await readRepository(git, address.repository);
  if (address.push === undefined) return { repository, local: repository, remote: undefined };
  const remote = resolveRemote(repository, address.push);
  if (remote.kind === "network") return { repository, local: undefined, remote };
  return { repository, local: await readRepository(git, remote.folder), remote: undefined };
}

/**
 * Where a git sink's log is: by repository, path and branch. A remote is one place under all of its URLs; a branch that
 * is not named is taken for any.
 */
export async function placeOfTarget(address: GitAddress, { repository, local, remote }: Target): Promise<Place> {
  const folders = [repository, ...(local === undefined ? [] : [local])].flatMap(
    ({ workTree, commonDirectory, gitDirectory }) => [
      commonDirectory,
      gitDirectory,
      ...(workTree === undefined ? [] : [workTree]),
    ],
  );
  const where = remote === undefined ? await identityOf(local.commonDirectory) : placeOfUrl(remote.url);
  const branch = address.branch ?? (local === undefined ? undefined : await headBranch(local));
  return { name: address.name, git: { where, path: address.path, branch }, file: undefined, folders };
}
