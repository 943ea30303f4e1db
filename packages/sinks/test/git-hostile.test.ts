import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { git, openSink, sshTo, temporaryFolder, textsOf } from "./folder.ts";

/** THREATS D11: whoever may write to a git sink's folder plants commands there. None of them runs, for whoever reads or appends. */

const saved = { ...process.env };
beforeEach(() => {
  process.env["GIT_CONFIG_NOSYSTEM"] = "1";
  process.env["GIT_CONFIG_GLOBAL"] = "/dev/null";
});
afterEach(() => {
  process.env = { ...saved };
});

/** A bare repository with a commit on main, a clone of it, and a program that notes that it ran. */
function repositories() {
  const folder = temporaryFolder();
  const [remote, clone, ran] = [join(folder, "remote.git"), join(folder, "papers"), join(folder, "ran")];
  execFileSync("git", ["init", "--quiet", "--bare", "-b", "main", remote]);
  execFileSync("git", ["clone", "--quiet", remote, clone], { stdio: "ignore" });
  git(clone, "checkout", "--quiet", "-B", "main");
  mkdirSync(join(clone, "logs"));
  writeFileSync(join(clone, "logs/head.log"), "one\n");
  git(clone, "add", ".");
  git(clone, "commit", "--quiet", "-m", "A log");
  git(clone, "push", "--quiet", "origin", "main");
  const program = join(folder, "program");
  writeFileSync(program, `#!/bin/sh\necho "$0 $*" >> "${ran}"\ncat >/dev/null 2>&1 </dev/null\nexit 1\n`, {
    mode: 0o755,
  });
  return { folder, remote, clone, ran, program };
}

const HOOKS = [
  "applypatch-msg",
  "commit-msg",
  "fsmonitor-watchman",
  "post-checkout",
  "post-commit",
  "post-index-change",
  "post-receive",
  "post-update",
  "pre-auto-gc",
  "pre-commit",
  "pre-push",
  "pre-receive",
  "prepare-commit-msg",
  "proc-receive",
  "push-to-checkout",
  "reference-transaction",
  "update",
];

/** Ways to have a command run by whoever runs git in a repository. The key says which. */
const PLANTS: Record<string, (gitDirectory: string, program: string) => void> = {
  "hooks in the folder": (gitDirectory, program) => {
    mkdirSync(join(gitDirectory, "hooks"), { recursive: true });
    for (const name of HOOKS) {
      rmSync(join(gitDirectory, "hooks", name), { force: true });
      symlinkSync(program, join(gitDirectory, "hooks", name));
    }
  },
  "core.hooksPath": (gitDirectory, program) => {
    const hooks = join(gitDirectory, "planted");
    mkdirSync(hooks);
    for (const name of HOOKS) symlinkSync(program, join(hooks, name));
    set(gitDirectory, ["core.hooksPath", hooks]);
  },
  "uploadpack and receivepack": (gitDirectory, program) =>
    set(gitDirectory, ["remote.origin.uploadpack", program], ["remote.origin.receivepack", program]),
  "uploadpack.packObjectsHook": (gitDirectory, program) => set(gitDirectory, ["uploadpack.packObjectsHook", program]),
  "core.sshCommand and core.gitProxy": (gitDirectory, program) =>
    set(gitDirectory, ["core.sshCommand", program], ["core.gitProxy", program], ["ssh.variant", "simple"]),
  "credential helpers and askpass": (gitDirectory, program) =>
    set(gitDirectory, ["credential.helper", program], ["core.askPass", program]),
  "core.fsmonitor": (gitDirectory, program) => set(gitDirectory, ["core.fsmonitor", program]),
  "core.alternateRefsCommand": (gitDirectory, program) => {
    set(gitDirectory, ["core.alternateRefsCommand", program]);
    const other = join(gitDirectory, "other.git");
    execFileSync("git", ["init", "--quiet", "--bare", other]);
    writeFileSync(join(gitDirectory, "objects/info/alternates"), `${other}/objects\n`);
  },
  "filters and attributes": (gitDirectory, program) => {
    set(gitDirectory, ["filter.f.clean", program], ["filter.f.smudge", program], ["filter.f.process", program]);
    set(gitDirectory, ["core.attributesFile", join(gitDirectory, "attributes")]);
    for (const path of ["attributes", "info/attributes"])
      writeFileSync(join(gitDirectory, path), "* filter=f diff=f\n");
    set(gitDirectory, ["diff.f.textconv", program], ["diff.external", program]);
  },
  "a promisor remote for objects that are missing": (gitDirectory, program) => {
    set(gitDirectory, ["core.repositoryFormatVersion", "1"], ["extensions.partialClone", "evil"]);
    set(gitDirectory, ["remote.evil.promisor", "true"], ["remote.evil.url", `ext::${program} %S`]);
    set(gitDirectory, ["remote.evil.uploadpack", program], ["protocol.ext.allow", "always"]);
    // Whatever is asked for that is not there, such as the commit's tree.
    const tree = git(gitDirectory, "rev-parse", "main^{tree}");
    rmSync(join(gitDirectory, "objects", tree.slice(0, 2), tree.slice(2)), { force: true });
  },
  "an included file": (gitDirectory, program) => {
    const file = join(gitDirectory, "more");
    writeFileSync(file, `[core]\n\tfsmonitor = ${program}\n\tsshCommand = ${program}\n\thooksPath = ${gitDirectory}\n`);
    set(gitDirectory, ["include.path", file], ["includeIf.gitdir:/.path", file], ["includeIf.onbranch:**.path", file]);
  },
  "signature programs, editor and pager": (gitDirectory, program) => {
    set(gitDirectory, ["gpg.program", program], ["gpg.ssh.program", program], ["commit.gpgSign", "true"]);
    set(
      gitDirectory,
      ["push.gpgSign", "true"],
      ["core.editor", program],
      ["core.pager", program],
      ["pager.cat-file", program],
    );
  },
  "an alias and a shell as merge driver": (gitDirectory, program) =>
    set(gitDirectory, ["alias.cat-file", `!${program}`], ["merge.f.driver", program], ["trailer.x.command", program]),
  "a remote of a helper program": (gitDirectory, program) => {
    set(gitDirectory, ["protocol.ext.allow", "always"], ["remote.origin.vcs", "ext"]);
    set(gitDirectory, [`url.ext::${program} .insteadOf`, "/"], [`url.ext::${program} .pushInsteadOf`, "ssh"]);
  },
  "an updated work tree": (gitDirectory, program) => {
    set(gitDirectory, ["receive.denyCurrentBranch", "updateInstead"], ["filter.f.smudge", program]);
    set(gitDirectory, ["receive.procReceiveRefs", "refs/heads/main"]);
  },
};

function set(gitDirectory: string, ...settings: (readonly [string, string])[]): void {
  for (const [name, value] of settings) git("/", "config", "--file", join(gitDirectory, "config"), name, value);
}

/** Reads and appends; that it works is no matter here. */
async function use(url: string): Promise<void> {
  const sink = openSink(url);
  await textsOf(sink).catch(() => []);
  await sink.append(["two"]).catch(() => undefined);
  await openSink(url)
    .append(["three"])
    .catch(() => undefined);
}

describe("commands in the configuration of a git sink's repository", () => {
  it.each(Object.keys(PLANTS))("are not run: %s", async (way) => {
    const { remote, clone, ran, program } = repositories();
    for (const gitDirectory of [join(clone, ".git"), remote]) PLANTS[way]?.(gitDirectory, program);
    await use(`git:${clone}?path=logs/head.log`);
    await use(`git:${clone}?path=logs/head.log&push=origin`);
    await use(`git:${clone}?path=logs/head.log&push=${remote}`);
    await use(`git:${clone}?path=logs/head.log&push=file://${remote}`);
    await use(`git:${remote}?path=logs/head.log`);
    expect(existsSync(ran) ? readFileSync(ran, "utf8") : "nothing").toBe("nothing");
  });

  it.each(Object.keys(PLANTS).filter((way) => !way.includes("promisor")))(
    "are not run, and keep nothing from being published over ssh: %s",
    async (way) => {
      const { folder, remote, clone, ran, program } = repositories();
      git(clone, "config", "remote.origin.url", `git@example.org:${remote}`);
      PLANTS[way]?.(join(clone, ".git"), program);
      process.env["GIT_SSH_COMMAND"] = sshTo(folder);
      const url = `git:${clone}?path=logs/head.log&push=origin`;
      await openSink(url).append(["two"]);
      expect(await textsOf(openSink(url))).toEqual(["one", "two"]);
      expect(existsSync(ran) ? readFileSync(ran, "utf8") : "nothing").toBe("nothing");
    },
  );

  it("is not run as the way to another host", async () => {
    const { clone, ran, program } = repositories();
    for (const way of ["core.sshCommand and core.gitProxy", "an included file"])
      PLANTS[way]?.(join(clone, ".git"), program);
    git(clone, "config", "remote.origin.url", "ssh://git@127.0.0.1:1/x");
    await expect(openSink(`git:${clone}?path=h&push=origin`).append(["two"])).rejects.toMatchObject({ code: "git" });
    expect(existsSync(ran) ? readFileSync(ran, "utf8") : "nothing").toBe("nothing");
  });

  it("is not run where it was put into our own clone either", async () => {
    const { folder, remote, clone, ran, program } = repositories();
    git(clone, "config", "remote.origin.url", `git@example.org:${remote}`);
    process.env["GIT_SSH_COMMAND"] = sshTo(folder);
    const own = join(folder, "own");
    const url = `git:${clone}?path=logs/head.log&push=origin`;
    await openSink(url, { folder: own }).append(["two"]);
    const made = readdirSync(own).filter((name) => name.endsWith(".git"));
    expect(made).toHaveLength(1);
    for (const name of made)
      for (const way of ["core.hooksPath", "core.fsmonitor"]) PLANTS[way]?.(join(own, name), program);
    for (const name of made) set(join(own, name), ["url./nowhere/.insteadOf", "git@example.org:"]);
    await openSink(url, { folder: own }).append(["three"]);
    expect(existsSync(ran) ? readFileSync(ran, "utf8") : "nothing").toBe("nothing");
    expect(git(remote, "show", "main:logs/head.log")).toBe("one\ntwo\nthree");
  });
});

describe("a remote that the repository's configuration names", () => {
  it.each([
    ["ext::sh -c whoami", "helper program"],
    ["fd::3", "helper program"],
    ["ext://host/x", "not allowed"],
    ["git://example.org/x.git", "not allowed"],
    ["ssh://-oProxyCommand=id/x", "no host"],
    ["-oProxyCommand=id:x", "no host"],
    ["git@-oProxyCommand=id:x", "no host"],
    ["https:///x", "no host"],
    ["file://host/x", "another host"],
  ])("is refused as %s", async (remote, why) => {
    const { clone } = repositories();
    git(clone, "config", "remote.origin.url", remote);
    await expect(openSink(`git:${clone}?path=h&push=origin`).append(["two"])).rejects.toMatchObject({
      code: "url_invalid",
      message: expect.stringContaining(why),
    });
  });

  it("is one place: two URLs, or another one for pushing on this machine, are refused", async () => {
    const { clone } = repositories();
    const sink = openSink(`git:${clone}?path=h&push=origin`);
    git(clone, "config", "remote.origin.pushurl", "/elsewhere");
    await expect(sink.append(["two"])).rejects.toMatchObject({ message: expect.stringContaining("pushed to another") });
    git(clone, "config", "--unset", "remote.origin.pushurl");
    git(clone, "config", "--add", "remote.origin.url", "/elsewhere");
    await expect(sink.append(["two"])).rejects.toMatchObject({ message: expect.stringContaining("has 2 values") });
    await expect(openSink(`git:${clone}?path=h&push=upstream`).append(["two"])).rejects.toMatchObject({
      message: expect.stringContaining("no remote named"),
    });
  });
});

describe("the work tree of a git sink's repository", () => {
  it("is left by no link: the log is not written where a folder of it points to", async () => {
    const { folder, clone } = repositories();
    const elsewhere = join(folder, "cron.d");
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, "head.log"), "one\n");
    chmodSync(elsewhere, 0o755);
    rmSync(join(clone, "logs"), { recursive: true });
    symlinkSync(elsewhere, join(clone, "logs"));
    await openSink(`git:${clone}?path=logs/head.log`).append(["two"]);
    expect(git(clone, "show", "main:logs/head.log")).toBe("one\ntwo");
    expect(readFileSync(join(elsewhere, "head.log"), "utf8")).toBe("one\n");
  });

  it("may be a linked one, whose branch and index are its own", async () => {
    const { folder, clone } = repositories();
    const linked = join(folder, "linked");
    git(clone, "worktree", "add", "--quiet", "-b", "side", linked);
    await openSink(`git:${linked}?path=logs/head.log`).append(["two"]);
    expect(git(clone, "show", "side:logs/head.log")).toBe("one\ntwo");
    expect(git(clone, "show", "main:logs/head.log")).toBe("one");
    expect(git(linked, "status", "--porcelain")).toBe("");
    expect(readFileSync(join(linked, "logs/head.log"), "utf8")).toBe("one\ntwo\n");
  });
});
