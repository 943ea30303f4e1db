/**
 * The commands of a page in `docs/`, and what it says that they print.
 *
 * - A fence whose language is `sh` holds commands. A second word is a variant (```` ```sh packages ````): the page is run
 *   once for each of its variants, with the blocks of that variant and those that have none.
 * - A `text` fence right after it is what the block prints, stdout and stderr together, line by line. An `…` in it stands
 *   for anything within its line, a line of nothing else for any number of lines.
 * - A command is expected to end with 0. `# exit 1` at its end expects another code.
 */
import { spawnSync } from "node:child_process";

export interface Command {
  /** One command as bash reads it, with its line feeds. */
  readonly text: string;
  /** Where it stands in the page, from 1. */
  readonly line: number;
  /** The exit code that the page promises. */
  readonly code: number;
}

export interface Block {
  readonly commands: readonly Command[];
  /** The variant that it belongs to; undefined for all. */
  readonly variant: string | undefined;
  /** What the page shows as its output; undefined where it shows nothing. */
  readonly output: string | undefined;
}

interface Fence {
  readonly info: string;
  readonly text: string;
  /** The line after the opening one, from 1. */
  readonly line: number;
  readonly isRightAfter: boolean;
}

/** The blocks of a page, in order. */
export function blocksOf(markdown: string): Block[] {
  const fences = fencesOf(markdown);
  return fences.flatMap((fence, index) => {
    const [language, variant, ...rest] = fence.info.split(/\s+/);
    if (language !== "sh") return [];
    if (rest.length > 0) throw new Error(`line ${fence.line - 1}: one word at most may follow "sh"`);
    const next = fences[index + 1];
    const output = next?.info === "text" && next.isRightAfter ? next.text : undefined;
    return [{ commands: commandsOf(fence), variant, output }];
  });
}

/** The variants of a page; one without a name where it has none. */
export function variantsOf(blocks: readonly Block[]): (string | undefined)[] {
  const named = new Set(blocks.flatMap(({ variant }) => variant ?? []));
  return named.size === 0 ? [undefined] : [...named];
}

function fencesOf(markdown: string): Fence[] {
  const fences: Fence[] = [];
  let open: { info: string; line: number; lines: string[]; isRightAfter: boolean } | undefined;
  let isRightAfter = false;
  for (const [index, line] of markdown.split("\n").entries()) {
    const mark = /^```(.*)$/.exec(line);
    if (open === undefined && mark !== null) {
      open = { info: (mark[1] ?? "").trim(), line: index + 2, lines: [], isRightAfter };
    } else if (open !== undefined && line === "```") {
      fences.push({ ...open, text: open.lines.join("\n") });
      open = undefined;
      isRightAfter = true;
    } else if (open !== undefined) open.lines.push(line);
    else if (line.trim() !== "") isRightAfter = false;
  }
  if (open !== undefined) throw new Error(`line ${open.line - 1}: a fence that is never closed`);
  return fences;
}

/** Splits a block where bash itself finds that a command ends: a here-document or an open quote goes on. */
function commandsOf({ text, line }: Fence): Command[] {
  const commands: Command[] = [];
  let pending: string[] = [];
  let start = line;
  for (const [index, part] of text.split("\n").entries()) {
    if (pending.length === 0) start = line + index;
    if (pending.length === 0 && /^\s*(?:#.*)?$/.test(part)) continue;
    pending.push(part);
    const command = pending.join("\n");
    if (!isComplete(command)) continue;
    const code = /#[^#\n]*\bexit (\d+)[^\n]*$/.exec(command)?.[1];
    commands.push({ text: command, line: start, code: Number(code ?? 0) });
    pending = [];
  }
  if (pending.length > 0) throw new Error(`line ${start}: a command that is not complete at the end of its block`);
  return commands;
}

function isComplete(command: string): boolean {
  if (command.endsWith("\\")) return false;
  const { status, stderr } = spawnSync("bash", ["-n"], { input: `${command}\n`, encoding: "utf8" });
  // bash only warns of a here-document that does not end.
  return status === 0 && stderr === "";
}

/** Whether what was printed is what the page shows. */
export function isAsShown(shown: string, printed: string): boolean {
  const pattern = shown
    .split("\n")
    .map((line) => {
      if (line.trim() === "…") return "(?:[^\\n]*\\n)*";
      return `${line.trimEnd().split("…").map(escaped).join("[^\\n]*")}[ \\t]*\\n`;
    })
    .join("");
  return new RegExp(`^${pattern}$`).test(`${printed.replace(/\n+$/, "")}\n`);
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
