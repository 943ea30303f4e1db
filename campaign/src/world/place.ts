import { execFile } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** What is outside the database: two sinks in different trust domains, the publisher's keys, the verifier's memory. */
export interface Place {
  readonly folder: string;
  /** The head log of the first sink. */
  readonly log: string;
  /** A bare repository: what the second sink pushes to. */
  readonly remote: string;
  readonly repository: string;
  /** URLs of both. */
  readonly sinks: readonly [string, string];
  readonly keyFile: string;
  /** The head log of another chain, whose keys the verifier knows too. */
  readonly otherLog: string;
  readonly policyFile: string;
  readonly stateFile: string;
}

/** The head log's path in the repository, and its branch. */
export const LOG_PATH = "audit/chain_head.log";
const BRANCH = "main";

export function placeIn(folder: string): Place {
  const repository = join(folder, "repository.git");
  const log = join(folder, "chain_head.log");
  return {
    folder,
    log,
    remote: join(folder, "remote.git"),
    repository,
    sinks: [`file:${log}`, `git:${repository}?path=${LOG_PATH}&push=origin&branch=${BRANCH}`],
    keyFile: join(folder, "publisher.key"),
    otherLog: join(folder, "other_head.log"),
    policyFile: join(folder, "policy.json"),
    stateFile: join(folder, "verifier.state"),
  };
}

/** Runs git, with an identity of its own and without any configuration of this machine. */
export async function git(folder: string, args: readonly string[], input?: string): Promise<string> {
  const env = {
    PATH: process.env["PATH"],
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_SYSTEM: "/dev/null",
    GIT_AUTHOR_NAME: "somebody",
    GIT_AUTHOR_EMAIL: "somebody@example.org",
    GIT_COMMITTER_NAME: "somebody",
    GIT_COMMITTER_EMAIL: "somebody@example.org",
  };
  const running = run("git", ["-C", folder, ...args], { env, maxBuffer: 64 * 1024 * 1024 });
  if (input !== undefined) running.child.stdin?.end(input);
  return (await running).stdout;
}

export async function makeSinks(place: Place): Promise<void> {
  for (const repository of [place.remote, place.repository])
    await git(place.folder, ["init", "--quiet", "--bare", "--template=", "--initial-branch", BRANCH, repository]);
  await git(place.repository, ["remote", "add", "origin", place.remote]);
}

/** A copy of everything, which knows itself and its database under their new names: sinks are known by their URLs. */
export function copyPlace(from: Place, folder: string, names: { template: string; database: string }): Place {
  cpSync(from.folder, folder, { recursive: true });
  const to = placeIn(folder);
  for (const file of [`${to.keyFile}.state`, to.stateFile, join(to.repository, "config")])
    writeFileSync(
      file,
      readFileSync(file, "utf8")
        .replaceAll(from.folder, folder)
        .replaceAll(`"database": "${names.template}"`, `"database": "${names.database}"`),
    );
  return to;
}

/** The head log in one of the sinks, as somebody who may edit it reads and writes it. */
export interface SinkLog {
  readonly name: string;
  read(): Promise<string[]>;
  write(lines: readonly string[]): Promise<void>;
}

export function sinkLogs(place: Place): readonly [SinkLog, SinkLog] {
  return [
    {
      name: "file",
      read: () => Promise.resolve(readFileSync(place.log, "utf8").split("\n").slice(0, -1)),
      write: (lines) => {
        writeFileSync(place.log, lines.map((line) => `${line}\n`).join(""));
        return Promise.resolve();
      },
    },
    {
      name: "git",
      read: async () =>
        (await git(place.remote, ["cat-file", "blob", `${BRANCH}:${LOG_PATH}`])).split("\n").slice(0, -1),
      // A new history, forced upon the remote: no trace of the old one is left.
      write: async (lines) => {
        const content = lines.map((line) => `${line}\n`).join("");
        const blob = (await git(place.remote, ["hash-object", "-w", "--stdin"], content)).trim();
        const folder = (await git(place.remote, ["mktree"], `100644 blob ${blob}\tchain_head.log\n`)).trim();
        const tree = (await git(place.remote, ["mktree"], `040000 tree ${folder}\taudit\n`)).trim();
        const commit = (await git(place.remote, ["commit-tree", tree, "-m", "Append"])).trim();
        await git(place.remote, ["update-ref", `refs/heads/${BRANCH}`, commit]);
      },
    },
  ];
}
