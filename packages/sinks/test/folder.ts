import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { openSink as open, type Sink, type SinkLine, type SinkOptions } from "../src/index.ts";

/** A folder of the test's own, removed when it ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "audit-sinks-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Opens a sink that is closed when the test ends. */
export function openSink(url: string, options?: SinkOptions): Sink {
  const sink = open(url, options);
  onTestFinished(async () => await sink.close());
  return sink;
}

/**
 * A program to be named in GIT_SSH_COMMAND, which stands for a connection to another host: it runs git's own command here.
 *
 * @param before a shell command that runs on the "other host" first; `$1` is what git wants to run
 */
export function sshTo(folder: string, before = ":"): string {
  const program = join(folder, "ssh");
  const script = `#!/bin/sh
for last; do :; done
set -- "$last"
unset $(env | sed -n 's/^\\(GIT_[A-Z_]*\\)=.*/\\1/p')
${before}
exec sh -c "$1"
`;
  writeFileSync(program, script, { mode: 0o755 });
  return program;
}

export async function linesOf(sink: Sink): Promise<SinkLine[]> {
  const lines: SinkLine[] = [];
  for await (const line of sink.read()) lines.push(line);
  return lines;
}

export async function textsOf(sink: Sink): Promise<string[]> {
  return (await linesOf(sink)).map(({ text }) => text);
}

/** The user's own git, without the machine's configuration. */
export function git(folder: string, ...args: string[]): string {
  return execFileSync("git", ["-C", folder, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env["PATH"],
      GIT_SSH_COMMAND: process.env["GIT_SSH_COMMAND"],
      HOME: folder,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_AUTHOR_NAME: "A User",
      GIT_AUTHOR_EMAIL: "user@example.org",
      GIT_COMMITTER_NAME: "A User",
      GIT_COMMITTER_EMAIL: "user@example.org",
    },
  }).trimEnd();
}
