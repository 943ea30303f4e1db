import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sinksThatAreOne } from "../src/index.ts";
import { git, openSink, temporaryFolder } from "./folder.ts";

/** THREATS D10: one sink is pointed at the other, so that one edit changes both. */

function places() {
  const folder = temporaryFolder();
  const [remote, clone, second] = [join(folder, "remote.git"), join(folder, "papers"), join(folder, "second")];
  execFileSync("git", ["init", "--quiet", "--bare", "-b", "main", remote]);
  execFileSync("git", ["clone", "--quiet", remote, clone], { stdio: "ignore" });
  git(clone, "commit", "--quiet", "--allow-empty", "-m", "First");
  execFileSync("git", ["clone", "--quiet", remote, second], { stdio: "ignore" });
  for (const disk of ["a", "b"]) mkdirSync(join(folder, disk));
  writeFileSync(join(folder, "a/head.log"), "one\n");
  return { folder, remote, clone, second };
}
type Places = ReturnType<typeof places>;

const SAME: Record<string, (all: Places) => [string, string]> = {
  "one path in two spellings": ({ folder }) => [`file:${folder}/a/head.log`, `file://${folder}/a//./head.log`],
  "a symbolic link": ({ folder }) => {
    symlinkSync(join(folder, "a/head.log"), join(folder, "b/head.log"));
    return [`file:${folder}/a/head.log`, `file:${folder}/b/head.log`];
  },
  "a symbolic link to the folder": ({ folder }) => {
    symlinkSync(join(folder, "a"), join(folder, "c"));
    return [`file:${folder}/a/other.log`, `file:${folder}/c/other.log`];
  },
  "a symbolic link to a file that is not there yet": ({ folder }) => {
    symlinkSync(join(folder, "a/other.log"), join(folder, "b/other.log"));
    return [`file:${folder}/a/other.log`, `file:${folder}/b/other.log`];
  },
  "a hard link": ({ folder }) => {
    linkSync(join(folder, "a/head.log"), join(folder, "b/head.log"));
    return [`file:${folder}/a/head.log`, `file:${folder}/b/head.log`];
  },
  "one repository": ({ clone }) => [`git:${clone}?path=h`, `git:${clone}?path=h&branch=main`],
  "the branch that is checked out": ({ clone }) => {
    git(clone, "branch", "-m", "trunk");
    return [`git:${clone}?path=h`, `git:${clone}/?branch=trunk&path=h`];
  },
  "two clones of one remote": ({ clone, second }) => [
    `git:${clone}?path=h&push=origin`,
    `git:${second}?path=h&push=origin`,
  ],
  "a clone and its remote": ({ clone, remote }) => [
    `git:${clone}?path=h&push=origin&branch=main`,
    `git:${remote}?path=h`,
  ],
  "two work trees": ({ folder, clone }) => {
    git(clone, "worktree", "add", "--quiet", "-b", "side", join(folder, "linked"));
    return [`git:${clone}?path=h&branch=side`, `git:${folder}/linked?path=h`];
  },
  "a symbolic link to a repository": ({ folder, clone }) => {
    symlinkSync(clone, join(folder, "linked"));
    return [`git:${clone}?path=h`, `git:${folder}/linked?path=h`];
  },
  "two spellings of a remote's URL": ({ clone, second }) => {
    git(clone, "config", "remote.origin.url", "git@Example.org:team/Papers.git");
    git(second, "config", "remote.origin.url", "https://token@example.org:443/team/papers/");
    return [`git:${clone}?path=h&push=origin`, `git:${second}?path=h&push=origin&branch=main`];
  },
  "a file in the work tree": ({ clone }) => [`file:${clone}/head.log`, `git:${clone}?path=h`],
  "a file in the git directory of a remote": ({ clone, remote }) => [
    `git:${clone}?path=h&push=origin`,
    `file:${remote}/h`,
  ],
};

describe("two sinks that are one", () => {
  it.each(Object.keys(SAME))("are found: %s", async (way) => {
    const [first, second] = SAME[way]?.(places()) ?? ["", ""];
    const sinks = [openSink(first), openSink(second)] as const;
    expect(await sinksThatAreOne(sinks)).toMatchObject([{ first: sinks[0].name, second: sinks[1].name }]);
    expect(await sinksThatAreOne([sinks[1], sinks[0]])).toHaveLength(1);
  });
});

describe("two sinks that are two", () => {
  it.each<[string, (all: Places) => string[]]>([
    [
      "files",
      ({ folder }) => [`file:${folder}/a/head.log`, `file:${folder}/b/head.log`, `file:${folder}/a/head.log.2`],
    ],
    ["a file beside a repository", ({ clone }) => [`file:${clone}-head.log`, `git:${clone}?path=h`]],
    ["branches", ({ clone }) => [`git:${clone}?path=h&branch=a`, `git:${clone}?path=h&branch=b`]],
    ["paths", ({ clone }) => [`git:${clone}?path=a`, `git:${clone}?path=b`]],
    [
      "a clone's own branch and its remote's",
      ({ clone }) => [`git:${clone}?path=h`, `git:${clone}?path=h&push=origin`],
    ],
    [
      "remotes",
      ({ clone, second }) => {
        git(clone, "config", "remote.origin.url", "git@example.org:team/papers.git");
        git(second, "config", "remote.origin.url", "git@example.org:team/proofs.git");
        return [`git:${clone}?path=h&push=origin`, `git:${second}?path=h&push=origin`];
      },
    ],
    [
      "one that is away",
      ({ folder }) => [`file:${folder}/a/head.log`, `git:${folder}/away?path=h`, `file:${folder}/x/y`],
    ],
  ])("are left alone: %s", async (_, list) => {
    expect(await sinksThatAreOne(list(places()).map((url) => openSink(url)))).toEqual([]);
  });
});
