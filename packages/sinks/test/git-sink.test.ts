import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SinkError } from "../src/index.ts";
import { git, linesOf, openSink, sshTo, temporaryFolder, textsOf } from "./folder.ts";

const saved = { ...process.env };
beforeEach(() => {
  process.env["GIT_CONFIG_NOSYSTEM"] = "1";
  process.env["GIT_CONFIG_GLOBAL"] = "/dev/null";
});
afterEach(() => {
  process.env = { ...saved };
});

/** A bare remote with one commit on main, and a user's clone of it. */
function repositories(): { folder: string; remote: string; clone: string; url: string } {
  const folder = temporaryFolder();
  const remote = join(folder, "remote.git");
  const clone = join(folder, "papers");
  execFileSync("git", ["init", "--quiet", "--bare", "-b", "main", remote]);
  execFileSync("git", ["clone", "--quiet", remote, clone], { stdio: "ignore" });
  git(clone, "checkout", "--quiet", "-B", "main");
  writeFileSync(join(clone, "paper.md"), "# A paper\n");
  git(clone, "add", "paper.md");
  git(clone, "commit", "--quiet", "-m", "A paper");
  git(clone, "push", "--quiet", "origin", "main");
  return { folder, remote, clone, url: `git:${clone}?path=logs/head.log&push=origin` };
}

/** The same, where the remote is reached over ssh. @param before see `sshTo` */
function overSsh(before?: string): { folder: string; remote: string; clone: string; url: string } {
  const all = repositories();
  git(all.clone, "config", "remote.origin.url", `ssh://git@example.org${all.remote}`);
  process.env["GIT_SSH_COMMAND"] = sshTo(all.folder, before?.replaceAll("$FOLDER", all.folder));
  return all;
}

function plantHook(hooks: string, name: string, script: string): void {
  mkdirSync(hooks, { recursive: true });
  writeFileSync(join(hooks, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(hooks, name), 0o755);
}

describe.each([
  ["on this machine", repositories],
  ["over ssh", () => overSsh()],
])("a git sink with a remote %s", (_, repositories) => {
  it("holds what was appended, in the remote, one commit for each append", async () => {
    const { remote, url } = repositories();
    const sink = openSink(url);
    expect(await textsOf(sink)).toEqual([]);
    expect(await sink.append(["one"], { after: 0 })).toEqual({ end: 4 });
    expect(await sink.append(["two", "three"], { after: 4 })).toEqual({ end: 14 });
    expect(git(remote, "show", "main:logs/head.log")).toBe("one\ntwo\nthree");
    expect(git(remote, "show", "main:paper.md")).toBe("# A paper");
    expect(git(remote, "log", "--format=%an <%ae> %s", "main").split("\n")).toEqual([
      "audit-chain publisher <publisher@audit-chain.invalid> Append 2 published heads of the audit chain",
      "audit-chain publisher <publisher@audit-chain.invalid> Append a published head of the audit chain",
      "A User <user@example.org> A paper",
    ]);
    expect((await linesOf(sink)).map(({ end }) => end)).toEqual([4, 8, 14]);
  });

  it("leaves the user's branches, index and work tree as they are", async () => {
    const { clone, url } = repositories();
    git(clone, "checkout", "--quiet", "-b", "draft");
    writeFileSync(join(clone, "paper.md"), "# Unsaved thoughts\n");
    writeFileSync(join(clone, "staged.md"), "staged\n");
    git(clone, "add", "staged.md");
    const state = () => [
      git(clone, "status", "--porcelain=v2", "--branch"),
      git(clone, "for-each-ref", "refs/heads"),
      readFileSync(join(clone, ".git/index")).toString("hex"),
      readdirSync(clone).toSorted().join(),
      existsSync(join(clone, ".git/FETCH_HEAD")),
    ];
    const before = state();
    await openSink(url).append(["one"]);
    await openSink(url).append(["two"]);
    expect(state()).toEqual(before);
    expect(await textsOf(openSink(url))).toEqual(["one", "two"]);
  });

  it("reads the remote, not what the clone believes", async () => {
    const { folder, remote, clone, url } = repositories();
    await openSink(url).append(["one"]);
    const other = join(folder, "other");
    execFileSync("git", ["clone", "--quiet", remote, other]);
    appendFileSync(join(other, "logs/head.log"), "two\n");
    git(other, "commit", "--quiet", "-am", "Another writer");
    git(other, "push", "--quiet");
    expect(await textsOf(openSink(url))).toEqual(["one", "two"]);
    git(remote, "update-ref", "refs/heads/main", git(clone, "rev-parse", "main"));
    expect(await textsOf(openSink(url))).toEqual([]);
  });

  it("keeps the lines of several writers apart", async () => {
    const { remote, url } = repositories();
    await Promise.all(
      ["a", "b", "c"].map(async (letter) => {
        const sink = openSink(url);
        for (let i = 0; i < 3;) {
          const failed = await sink.append([`${letter}${i}`]).then(
            () => "",
            (error: unknown) => (error instanceof SinkError ? error.code : String(error)),
          );
          expect(failed).toMatch(/^(conflict|rejected|)$/);
          if (failed === "") i += 1;
        }
      }),
    );
    const lines = git(remote, "show", "main:logs/head.log").split("\n");
    expect(lines.toSorted()).toEqual(["a0", "a1", "a2", "b0", "b1", "b2", "c0", "c1", "c2"]);
    for (const letter of "abc")
      expect(lines.filter((line) => line.startsWith(letter)).join()).toBe(`${letter}0,${letter}1,${letter}2`);
  });

  it("writes nothing when the log has changed since it was read", async () => {
    const { remote, url } = repositories();
    await openSink(url).append(["one"]);
    const before = git(remote, "rev-parse", "main");
    await expect(openSink(url).append(["two"], { after: 0 })).rejects.toMatchObject({ code: "conflict" });
    expect(git(remote, "rev-parse", "main")).toBe(before);
  });

  it("is not led astray by the environment of a hook that it was started from", async () => {
    const { folder, remote, url } = repositories();
    execFileSync("git", ["init", "--quiet", join(folder, "elsewhere")]);
    process.env["GIT_DIR"] = join(folder, "elsewhere/.git");
    process.env["GIT_WORK_TREE"] = join(folder, "elsewhere");
    process.env["GIT_INDEX_FILE"] = join(folder, "elsewhere/.git/index");
    process.env["GIT_OBJECT_DIRECTORY"] = join(folder, "elsewhere/.git/objects");
    process.env["GIT_CONFIG_COUNT"] = "1";
    process.env["GIT_CONFIG_KEY_0"] = "core.hooksPath";
    process.env["GIT_CONFIG_VALUE_0"] = folder;
    await openSink(url).append(["one"]);
    process.env = { ...saved };
    expect(git(remote, "show", "main:logs/head.log")).toBe("one");
  });

  it("removes a torn last line with the next append", async () => {
    const { remote, clone, url } = repositories();
    mkdirSync(join(clone, "logs"));
    writeFileSync(join(clone, "logs/head.log"), "one\nhalf a li");
    git(clone, "add", ".");
    git(clone, "commit", "--quiet", "-m", "Torn");
    git(clone, "push", "--quiet");
    const sink = openSink(url);
    expect((await linesOf(sink)).map(({ defect }) => defect)).toEqual([null, "torn"]);
    await sink.append(["two"], { after: 4 });
    expect(git(remote, "show", "main:logs/head.log")).toBe("one\ntwo");
  });

  it("starts a branch that is not there yet, also in an empty remote", async () => {
    const { folder, remote, clone } = repositories();
    const sink = openSink(`git:${clone}?path=head.log&push=origin&branch=audit/heads`);
    await sink.append(["one"]);
    await sink.append(["two"]);
    expect(git(remote, "ls-tree", "--name-only", "audit/heads")).toBe("head.log");
    expect(await textsOf(sink)).toEqual(["one", "two"]);

    const empty = join(folder, "empty.git");
    execFileSync("git", ["init", "--quiet", "--bare", "-b", "trunk", empty]);
    const other = openSink(`git:${clone}?path=head.log&push=${empty}`);
    await other.append(["one"]);
    expect(await textsOf(other)).toEqual(["one"]);
  });

  it("uses the identity that is configured", async () => {
    const { remote, clone, url } = repositories();
    git(clone, "config", "user.name", "Night Publisher");
    git(clone, "config", "user.email", "night@example.org");
    await openSink(url).append(["one"]);
    expect(git(remote, "log", "-1", "--format=%an <%ae> %cn", "main")).toBe(
      "Night Publisher <night@example.org> Night Publisher",
    );
  });

  it("is an error when the remote can't be reached, without credentials in the message", async () => {
    const { clone, remote, url } = repositories();
    const unreachable = openSink(`git:${clone}?path=head.log&push=http://me:s3cret@127.0.0.1:1/r.git`);
    await expect(unreachable.append(["one"])).rejects.toMatchObject({
      code: "git",
      message: expect.not.stringContaining("s3cret"),
    });
    await expect(textsOf(unreachable)).rejects.toMatchObject({
      code: "git",
      message: expect.stringContaining("127.0.0.1"),
    });
    rmSync(remote, { recursive: true });
    await expect(textsOf(openSink(url))).rejects.toMatchObject({
      code: expect.stringMatching(/^(git|folder_missing)$/),
    });
  });

  it("explains a folder that is missing or is not a repository", async () => {
    const { folder, clone } = repositories();
    await expect(textsOf(openSink(`git:${folder}/gone?path=h`))).rejects.toMatchObject({ code: "folder_missing" });
    mkdirSync(join(clone, "below"));
    await expect(textsOf(openSink(`git:${clone}/below?path=h`))).rejects.toMatchObject({ code: "wrong_type" });
  });

  it("does not follow a log that is a symbolic link or a folder", async () => {
    const { clone, url } = repositories();
    mkdirSync(join(clone, "logs"));
    execFileSync("ln", ["-s", "/etc/passwd", join(clone, "logs/head.log")]);
    git(clone, "add", ".");
    git(clone, "commit", "--quiet", "-m", "Link");
    git(clone, "push", "--quiet");
    await expect(openSink(url).append(["one"])).rejects.toMatchObject({ code: "wrong_type" });
    await expect(textsOf(openSink(url.replace("logs/head.log", "logs")))).rejects.toMatchObject({ code: "wrong_type" });
  });
});

describe("a git sink whose remote moves", () => {
  it("appends on top of commits that land between its fetch and its push, and never forces", async () => {
    // The remote moves in the very moment of the first two pushes.
    const { folder, remote, clone, url } = overSsh(`
case "$1" in *receive-pack*)
  n=$(cat "$FOLDER/count" 2>/dev/null || echo 0)
  if [ "$n" -lt 2 ]; then
    echo $((n + 1)) > "$FOLDER/count"
    (
      cd "$FOLDER/other" && git pull --quiet && echo "$n" > "note-$n" && git add . &&
      git -c user.name=U -c user.email=u@example.org commit --quiet -m "Note $n" && git push --quiet
    ) >"$FOLDER/log" 2>&1
  fi
esac`);
    execFileSync("git", ["clone", "--quiet", remote, join(folder, "other")]);
    await openSink(url).append(["one"]);
    expect(readFileSync(join(folder, "count"), "utf8")).toBe("2\n");
    expect(git(remote, "log", "--format=%s", "main").split("\n")).toEqual([
      "Append a published head of the audit chain",
      "Note 1",
      "Note 0",
      "A paper",
    ]);
    expect(git(remote, "show", "main:logs/head.log")).toBe("one");
    expect(git(remote, "show", "main:note-1")).toBe("1");
    expect(git(clone, "log", "--format=%s")).toBe("A paper");
  });

  it("does not push again when the log itself has changed meanwhile: its own lines may be what arrived", async () => {
    const { folder, remote, url } = overSsh(`
case "$1" in *receive-pack*) git -C "$FOLDER/other" push --quiet >/dev/null 2>&1 ;; esac`);
    const other = join(folder, "other");
    execFileSync("git", ["clone", "--quiet", remote, other]);
    mkdirSync(join(other, "logs"));
    writeFileSync(join(other, "logs/head.log"), "first\n");
    git(other, "add", ".");
    git(other, "commit", "--quiet", "-m", "Another writer");
    await expect(openSink(url).append(["one"])).rejects.toMatchObject({ code: "conflict" });
    expect(git(remote, "show", "main:logs/head.log")).toBe("first");
  });

  it("says why the remote refuses, and does not try that again", async () => {
    const { folder, remote, url } = overSsh();
    plantHook(
      join(remote, "hooks"),
      "pre-receive",
      `echo x >> "${folder}/tries"; echo "this branch is protected" >&2; exit 1`,
    );
    await expect(openSink(url).append(["one"])).rejects.toMatchObject({
      code: "rejected",
      message: expect.stringMatching(/pre-receive hook declined.*this branch is protected/s),
    });
    expect(readFileSync(join(folder, "tries"), "utf8")).toBe("x\n");
    expect(await textsOf(openSink(url))).toEqual([]);
  });

  it("does not wait for ever for a remote that does not answer, and stops when told to", async () => {
    const { url } = overSsh("exec sleep 60");
    await expect(textsOf(openSink(url, { timeoutMs: 300 }))).rejects.toMatchObject({ code: "timeout" });
    const signal = AbortSignal.timeout(300);
    await expect(textsOf(openSink(url, { signal }))).rejects.toMatchObject({ code: "aborted" });
  });
});

describe("a git sink without a remote", () => {
  it("appends to the local branch and keeps a clean work tree clean", async () => {
    const { clone } = repositories();
    const sink = openSink(`git:${clone}?path=logs/head.log`);
    await sink.append(["one"]);
    await sink.append(["two"]);
    expect(git(clone, "show", "main:logs/head.log")).toBe("one\ntwo");
    expect(git(clone, "status", "--porcelain")).toBe("");
    expect(readFileSync(join(clone, "logs/head.log"), "utf8")).toBe("one\ntwo\n");
    expect(await textsOf(sink)).toEqual(["one", "two"]);
  });

  it("leaves other changes alone, and the log's own file where a user has changed it", async () => {
    const { clone } = repositories();
    const sink = openSink(`git:${clone}?path=head.log`);
    await sink.append(["one"]);
    writeFileSync(join(clone, "paper.md"), "# Unsaved\n");
    writeFileSync(join(clone, "new.md"), "new\n");
    git(clone, "add", "new.md");
    appendFileSync(join(clone, "head.log"), "scribble");
    await sink.append(["two"]);
    expect(git(clone, "status", "--porcelain").split("\n")).toEqual([" M head.log", "A  new.md", " M paper.md"]);
    expect(readFileSync(join(clone, "head.log"), "utf8")).toBe("one\nscribble");
    expect(git(clone, "show", "main:head.log")).toBe("one\ntwo");
  });

  it("appends to a branch that is not checked out without touching the one that is", async () => {
    const { clone } = repositories();
    const sink = openSink(`git:${clone}?path=head.log&branch=heads`);
    await sink.append(["one"]);
    await sink.append(["two"]);
    expect(await textsOf(sink)).toEqual(["one", "two"]);
    expect(git(clone, "status", "--porcelain", "--branch")).toBe("## main...origin/main");
  });

  it("works in a bare repository", async () => {
    const { remote } = repositories();
    const sink = openSink(`git:${remote}?path=head.log`);
    await sink.append(["one"]);
    expect(git(remote, "show", "main:head.log")).toBe("one");
  });

  it("is read whoever owns it; root does not append to it", async () => {
    const { clone } = repositories();
    const sink = openSink(`git:${clone}?path=head.log`);
    await sink.append(["one"]);
    // Only root can give a folder away.
    if (process.getuid?.() !== 0) return;
    execFileSync("chown", ["-R", "65534:65534", clone]);
    expect(await textsOf(sink)).toEqual(["one"]);
    await expect(sink.append(["two"])).rejects.toMatchObject({
      code: "permission",
      message: expect.stringContaining("run the publisher as that user"),
    });
    git(
      clone,
      "-c",
      `safe.directory=${clone}`,
      "config",
      "--file",
      join(clone, ".git/config"),
      "core.sharedRepository",
      "group",
    );
    await sink.append(["two"]);
    expect(await textsOf(sink)).toEqual(["one", "two"]);
  });
});
