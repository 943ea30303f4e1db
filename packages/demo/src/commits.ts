import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { Source } from "./locked-packages.ts";
import { sampleFile } from "./repository.ts";

/** A commit of a git history. */
export interface Commit {
  readonly hash: string;
  /** ISO 8601 */
  readonly time: string;
  readonly subject: string;
}

/** The repository's git history, oldest first; without git or without a history, some commits that are shipped. */
export async function commits(root: string | undefined): Promise<Source<Commit>> {
  if (root !== undefined) {
    try {
      const rows = await gitLog(root);
      if (rows.length > 1) return { rows, from: "commits of the git history" };
    } catch {
      // No git, or an archive of the sources without a history: what is shipped will do, and it is said.
    }
  }
  const rows = JSON.parse(await readFile(sampleFile("commits.json"), "utf8")) as Commit[];
  return { rows, from: "shipped commits (there is no git history here)" };
}

async function gitLog(root: string): Promise<Commit[]> {
  const args = ["-C", root, "log", "--reverse", "--max-count=5000", "-z", "--format=%H%x09%cI%x09%s"];
  const { stdout } = await promisify(execFile)("git", args, { maxBuffer: 64 * 1024 * 1024 });
  return stdout
    .split("\0")
    .filter((line) => line !== "")
    .map((line) => {
      const [hash = "", time = "", ...subject] = line.split("\t");
      return { hash, time, subject: subject.join("\t") };
    });
}
