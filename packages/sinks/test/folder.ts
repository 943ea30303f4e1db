import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Sink, SinkLine } from "../src/index.ts";

/** A folder of the test's own, removed when it ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "audit-sinks-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
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
      HOME: folder,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_AUTHOR_NAME: "A User",
      GIT_AUTHOR_EMAIL: "user@example.org",
      GIT_COMMITTER_NAME: "A User",
      GIT_COMMITTER_EMAIL: "user@example.org",
    },
  }).trimEnd();
}
