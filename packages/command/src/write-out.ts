import { CommandError } from "./command-error.ts";
import { currentMember } from "./fleet/member.ts";

/**
 * Writes a result to stdout and waits until it is on its way, so that an export of any size stays in constant
 * memory.
 *
 * @throws {CommandError} `output_closed` when it cannot be written (a full disk, say). A reader that went away
 *   (`… | head`) is no error here: the signal that `runCommand` hands out is aborted, and nothing more is written.
 */
export function writeOut(text: string): Promise<void> {
  const member = currentMember();
  return member === undefined ? writeToStdout(text) : member.writeOut(text);
}

/** Past whatever stands in the place of stdout. */
export function writeToStdout(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    if (process.stdout.destroyed || process.stdout.closed) {
      resolve();
      return;
    }
    process.stdout.write(text, (error) => {
      if (error === null || error === undefined || isClosedPipe(error)) resolve();
      else reject(new CommandError("output_closed", `cannot write to stdout: ${error.message}`, { cause: error }));
    });
  });
}

/** Whether an error of a stream says that its reader went away. */
export function isClosedPipe(error: Error): boolean {
  const code = "code" in error ? error.code : undefined;
  return code === "EPIPE" || code === "ERR_STREAM_DESTROYED" || code === "ECONNRESET";
}

/** Writes a remark to stderr, under the name of the member that it is about. */
export function writeError(text: string): void {
  const member = currentMember();
  process.stderr.write(member === undefined ? text : linesOf(member.name, text));
}

/** Each line with a name before it, so that no line can be taken for another database's. */
export const linesOf = (name: string, text: string): string =>
  text === ""
    ? ""
    : text
        .replace(/\n$/u, "")
        .split("\n")
        .map((line) => `${name}: ${line}\n`)
        .join("");
