import { spawn } from "node:child_process";
import { once } from "node:events";
import { errno, SinkError } from "../errors.ts";
import { redact } from "../redact.ts";

export interface GitResult {
  readonly code: number;
  readonly stdout: string;
  /** Without credentials, at most 4 KiB. */
  readonly stderr: string;
}

export interface Git {
  /** Runs git and collects what it prints (at most 1 MiB). Any exit code is a result, not an error. */
  run(
    args: readonly string[],
    options?: { input?: AsyncIterable<Uint8Array>; env?: Record<string, string> },
  ): Promise<GitResult>;
  /** The same, and an error unless git exits with 0. Returns stdout without the line feed at its end. */
  text(
    args: readonly string[],
    options?: { input?: AsyncIterable<Uint8Array>; env?: Record<string, string> },
  ): Promise<string>;
  /** Streams what git prints. Throws at the end unless git exits with 0: a stream cut short must not look complete. */
  stream(args: readonly string[]): AsyncGenerator<Uint8Array>;
}

const MAX_OUTPUT_BYTES = 1_048_576;
const MAX_STDERR_BYTES = 4_096;

/**
 * Settings that hold whatever the user or the system has configured: git only ever sees a configuration file of our own
 * (`git-directory.ts`). There are no hooks, no signatures (they prompt), and no commands from remote helpers or file
 * monitors. Every object is synced to the disk. Fetched objects come as one pack, which is there whole or not at all.
 * Shortcuts through a repository's commit graph are not taken: whoever wrote it could name other trees than the commits
 * do.
 */
const SETTINGS = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "core.fsync=all",
  "core.fsyncObjectFiles=true",
  "core.logAllRefUpdates=false",
  "commit.gpgSign=false",
  "push.gpgSign=false",
  "push.followTags=false",
  "push.recurseSubmodules=no",
  "fetch.recurseSubmodules=no",
  "fetch.prune=false",
  "protocol.ext.allow=never",
  "credential.interactive=false",
  "i18n.commitEncoding=UTF-8",
  "advice.fetchShowForcedUpdates=false",
  "core.commitGraph=false",
  "core.multiPackIndex=false",
  "fetch.unpackLimit=1",
  "fetch.writeCommitGraph=false",
  "gc.auto=0",
  "maintenance.auto=false",
].flatMap((setting) => ["-c", setting]);

/** What git reads from the environment and an operator legitimately sets for unattended access; all other GIT_* go. */
const KEPT = new Set([
  "GIT_SSH",
  "GIT_SSH_COMMAND",
  "GIT_SSH_VARIANT",
  "GIT_SSL_CAINFO",
  "GIT_SSL_CAPATH",
  "GIT_CONFIG_GLOBAL",
  "GIT_CONFIG_SYSTEM",
  "GIT_CONFIG_NOSYSTEM",
  "GIT_AUTHOR_NAME",
  "GIT_AUTHOR_EMAIL",
  "GIT_COMMITTER_NAME",
  "GIT_COMMITTER_EMAIL",
  "GIT_EXEC_PATH",
]);

/**
 * The environment for git, without anything that may ask a question. GIT_DIR, GIT_INDEX_FILE and the like are left out:
 * they are set where the publisher is started from a hook, and would send our commit elsewhere.
 */
export function gitEnvironment(from: NodeJS.ProcessEnv): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [key, value] of Object.entries(from)) {
    if (value === undefined || (key.startsWith("GIT_") && !KEPT.has(key))) continue;
    if (key === "SSH_ASKPASS" || key === "DISPLAY" || key === "SSH_ASKPASS_REQUIRE") continue;
    env[key] = value;
  }
  return {
    ...env,
    LC_ALL: "C",
    LANGUAGE: "",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "",
    GCM_INTERACTIVE: "never",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_LITERAL_PATHSPECS: "1",
    GIT_NO_LAZY_FETCH: "1",
  };
}

export interface GitSettings {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Where git is started. */
export interface GitPlace {
  /** A git directory of our own; undefined where none is needed. Never somebody else's: git would do what it says. */
  readonly directory: string | undefined;
  /** What messages call it. */
  readonly name: string;
  /** The transport that may be used; undefined for none. */
  readonly protocol?: string | undefined;
}

/** git in a git directory of our own. Throws `SinkError`: `git`, `timeout`, `aborted`. */
export function openGit({ directory, name: repository, protocol }: GitPlace, settings: GitSettings): Git {
  // The root folder, so that no repository is found around us.
  const cwd = directory ?? "/";
  const start = (args: readonly string[], env: Record<string, string>, withInput: boolean) => {
    if (settings.signal?.aborted) throw new SinkError("aborted", `git ${args[0] ?? ""} was not started`);
    // A session of its own: no controlling terminal on which ssh could ask for a password, and one process group to end.
    const child = spawn("git", [...SETTINGS, ...args], {
      cwd,
      env: {
        ...gitEnvironment(process.env),
        GIT_DIR: directory ?? "/dev/null",
        GIT_ALLOW_PROTOCOL: protocol ?? "none",
        ...env,
      },
      stdio: [withInput ? "pipe" : "ignore", "pipe", "pipe"],
      detached: true,
    });
    let ended: "timeout" | "aborted" | undefined;
    const end = (why: "timeout" | "aborted" | undefined): void => {
      ended ??= why;
      try {
        if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
          process.kill(-child.pid, "SIGTERM");
      } catch (error) {
        if (errno(error) !== "ESRCH") throw error;
      }
    };
    const timer = setTimeout(() => end("timeout"), settings.timeoutMs);
    const onAbort = (): void => end("aborted");
    settings.signal?.addEventListener("abort", onAbort, { once: true });
    let stderr = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      if (stderr.length < MAX_STDERR_BYTES) stderr += text;
    });
    const closed = once(child, "close").then(
      ([code]: unknown[]): GitResult => {
        if (ended === "timeout")
          throw new SinkError(
            "timeout",
            `git ${args[0] ?? ""} in ${repository} took longer than ${settings.timeoutMs} ms`,
          );
        if (ended === "aborted") throw new SinkError("aborted", `git ${args[0] ?? ""} in ${repository} was stopped`);
        return {
          code: typeof code === "number" ? code : 128,
          stdout: "",
          stderr: redact(stderr.slice(0, MAX_STDERR_BYTES).trim()),
        };
      },
      (cause: unknown) => {
        throw new SinkError(
          "git",
          errno(cause) === "ENOENT"
            ? "the git sink needs the program git, which is not installed or not on the PATH"
            : `git could not be started: ${cause instanceof Error ? cause.message : String(cause)}`,
          { cause },
        );
      },
    );
    // Where a caller stops listening early, its end is still observed here.
    closed.catch(() => undefined);
    const done = (): void => {
      clearTimeout(timer);
      settings.signal?.removeEventListener("abort", onAbort);
      end(undefined);
    };
    return { child, closed, done };
  };

  const run: Git["run"] = async (args, options = {}) => {
    const { child, closed, done } = start(args, options.env ?? {}, options.input !== undefined);
    try {
      const chunks: Buffer[] = [];
      let size = 0;
      child.stdout?.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size <= MAX_OUTPUT_BYTES) chunks.push(chunk);
      });
      const { stdin } = child;
      if (options.input && stdin) {
        // git may end before it has read everything; its exit code says why.
        stdin.on("error", () => undefined);
        for await (const chunk of options.input) {
          if (stdin.destroyed || stdin.errored) break;
          if (!stdin.write(chunk)) await Promise.race([once(stdin, "drain").catch(() => undefined), closed]);
        }
        stdin.end();
      }
      const result = await closed;
      return { ...result, stdout: Buffer.concat(chunks).toString("utf8") };
    } finally {
      done();
    }
  };

  return {
    run,
    text: async (args, options) => {
      const result = await run(args, options);
      if (result.code !== 0) throw gitFailed(repository, args, result);
      return result.stdout.replace(/\n$/, "");
    },
    stream: async function* stream(args) {
      const { child, closed, done } = start(args, {}, false);
      try {
        if (child.stdout) yield* child.stdout as AsyncIterable<Buffer>;
        const result = await closed;
        if (result.code !== 0) throw gitFailed(repository, args, result);
      } finally {
        done();
      }
    },
  };
}

/** What git said, and what to do about it where that can be told. */
export function gitFailed(repository: string, args: readonly string[], result: GitResult): SinkError {
  const said = result.stderr === "" ? `exit code ${result.code}` : result.stderr;
  const failed = `git ${redact(args.find((arg) => !arg.startsWith("-")) ?? "")} in ${repository}`;
  if (/Permission denied|insufficient permission|Read-only file system/.test(said) && !/publickey/.test(said))
    return new SinkError("permission", `${failed}: ${said}`);
  if (/No space left on device|Disk quota exceeded/.test(said)) return new SinkError("no_space", `${failed}: ${said}`);
  return new SinkError("git", `${failed}: ${said}`);
}
