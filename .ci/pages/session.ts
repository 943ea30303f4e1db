/** Runs the commands of a page in one bash, as somebody would who copies them from the page one after another. */
import { spawn } from "node:child_process";
import { mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Block, type Command, isAsShown } from "./page.ts";

/** No page takes longer, in milliseconds. */
const TIMEOUT_MS = 5 * 60_000;

/**
 * What is not as the page says, as texts that name the page's line.
 *
 * @param folder an empty one, for the session's own files
 * @param home where the commands start
 */
export async function runBlocks(
  blocks: readonly Block[],
  folder: string,
  home: string,
  env: NodeJS.ProcessEnv,
): Promise<string[]> {
  mkdirSync(folder, { recursive: true });
  const commands = blocks.flatMap((block) => block.commands);
  const outputOf = (index: number): string => join(folder, `${index}.out`);
  const codeOf = (index: number): string => join(folder, `${index}.code`);
  const script = [
    "shopt -s expand_aliases",
    ...commands.flatMap(({ text, code }, index) => [
      // The page's own $? must be that of the command before.
      `exec >'${outputOf(index)}' 2>&1; (exit \${page_code:-0})`,
      text,
      `page_code=$?; printf %s "$page_code" >'${codeOf(index)}'`,
      `[ "$page_code" = ${code} ] || exit`,
    ]),
  ];
  const file = join(folder, "page.sh");
  writeFileSync(file, `${script.join("\n")}\n`);
  await runScript(file, home, env, join(folder, "log"));
  const faults: string[] = [];
  let at = 0;
  for (const block of blocks) {
    let printed = "";
    for (const command of block.commands) {
      const output = read(outputOf(at));
      const code = read(codeOf(at));
      at += 1;
      printed += output ?? "";
      if (code === String(command.code)) continue;
      // What follows was not run.
      faults.push(`${where(command)} ${endedWith(code)}, and not with ${command.code}:\n${indent(output ?? "")}`);
      return faults;
    }
    const [first] = block.commands;
    if (block.output === undefined || first === undefined || isAsShown(block.output, printed)) continue;
    faults.push(
      `${where(first)} and what follows printed\n${indent(printed)}\nwhere the page shows\n${indent(block.output)}`,
    );
  }
  return faults;
}

const where = ({ line, text }: Command): string => `line ${line}: ${text.split("\n")[0] ?? ""}`;
const endedWith = (code: string | undefined): string =>
  code === undefined ? "did not come to an end" : `ended with ${code}`;
const indent = (text: string): string => text.trimEnd().replace(/^/gm, "    ");

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/** In a process group of its own, which is ended as a whole when it takes too long, or when this program ends before. */
async function runScript(file: string, cwd: string, env: NodeJS.ProcessEnv, log: string): Promise<void> {
  const child = spawn("bash", [file], { cwd, env, stdio: ["ignore", openSync(log, "w"), "ignore"], detached: true });
  const { pid } = child;
  const kill = (): void => {
    if (pid !== undefined && child.exitCode === null) process.kill(-pid, "SIGKILL");
  };
  const end = (): void => process.exit(3);
  const timer = setTimeout(kill, TIMEOUT_MS);
  process.once("exit", kill).once("SIGTERM", end).once("SIGINT", end);
  try {
    await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
  } finally {
    clearTimeout(timer);
    process.off("exit", kill).off("SIGTERM", end).off("SIGINT", end);
  }
}
