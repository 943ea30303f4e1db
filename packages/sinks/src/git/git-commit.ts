import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SinkError } from "../errors.ts";
import type { Git } from "./git.ts";
import type { Repository } from "./git-repository.ts";

/** Where the log stands: the commit (undefined: the branch does not exist yet) and the log's blob in it. */
export interface Tip {
  readonly branch: string;
  readonly commit: string | undefined;
  readonly blob: string | undefined;
  readonly mode: string;
}

/** A commit that holds a new log. */
export interface Made {
  readonly commit: string;
  readonly blob: string;
}

/** Finds the log in a commit. @throws {SinkError} `wrong_type` where it is a folder or a symbolic link */
export async function tipAt(git: Git, branch: string, commit: string | undefined, path: string): Promise<Tip> {
  const none = { branch, commit, blob: undefined, mode: "100644" };
  if (commit === undefined) return none;
  const entry = await git.text(["ls-tree", "-z", "--full-tree", commit, "--", path]);
  if (entry === "") return none;
  const [, mode = "", type, blob] = /^(\d+) (\w+) ([0-9a-f]+)\t/.exec(entry) ?? [];
  if (type !== "blob" || blob === undefined || !mode.startsWith("100"))
    throw new SinkError("wrong_type", `${path} on ${branch} is not a regular file`);
  return { branch, commit, blob, mode };
}

/** The offset just after the last line feed of a blob. */
export async function completeLength(git: Git, blob: string | undefined): Promise<number> {
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

/** Makes the commit that has `lines` after the first `complete` bytes of the log at `at`. Nothing refers to it yet. */
export async function commitLines(
  git: Git,
  repository: Repository,
  change: {
    readonly at: Tip;
    readonly path: string;
    readonly complete: number;
    readonly lines: Buffer;
    readonly count: number;
  },
): Promise<Made> {
  const { at, path, complete, lines, count } = change;
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
    const commit = await git.text(["commit-tree", "--no-gpg-sign", tree, ...parent, "-m", message], {
      env: await identity(git, repository),
    });
    return { commit, blob };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * The author: of the environment, else the repository's configuration, else the user's own, else a fixed one: git would
 * otherwise guess from the host's name or refuse.
 */
async function identity(git: Git, { settings }: Repository): Promise<Record<string, string>> {
  const env: Record<string, string> = {};
  const fallback = {
    NAME: ["user.name", "audit-chain publisher"],
    EMAIL: ["user.email", "publisher@audit-chain.invalid"],
  } as const;
  for (const [part, [setting, value]] of Object.entries(fallback)) {
    const configured = settings.get(setting)?.at(-1);
    if (configured === undefined && (await git.run(["config", "--get", setting])).code === 0) continue;
    for (const role of ["AUTHOR", "COMMITTER"]) {
      const variable = `GIT_${role}_${part}`;
      if (process.env[variable] === undefined) env[variable] = configured ?? value;
    }
  }
  return env;
}
