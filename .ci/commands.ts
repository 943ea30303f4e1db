/**
 * Writes docs/commands.md, the options of every command, from what `--help` says.
 *
 * usage: node --conditions=source .ci/commands.ts [FILE]
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { OTHER_APPLICATIONS } from "../apps/cli/src/other-applications.ts";
import { ROOT } from "./packages.ts";

const PROGRAMS: Readonly<Record<string, string>> = {
  "audit-chain": "apps/cli",
  "audit-publisher": "apps/publisher",
  "audit-verify": "packages/verifier",
  "audit-backfill": "apps/backfill",
  "audit-ledger": "packages/ledger",
};

/** `audit-chain publish` is `audit-publisher publish`: it has its section there. */
const ELSEWHERE = new Set(["help", ...OTHER_APPLICATIONS.map(({ name }) => name)]);

const HEADER = `# Options of the commands

Made from \`--help\` by \`.ci/commands.ts\`; CI sees that it is up to date. [reference.md](reference.md) says what the commands
do, and what their exit codes mean. Ages and times are a whole number and one of \`s\`, \`m\`, \`h\`, \`d\`, \`w\`.
`;

const sections = Object.entries(PROGRAMS).flatMap(([program, folder]) => {
  const names = entriesUnder("Commands", help(folder)).map(([name]) => name.split(" ")[0] ?? "");
  const commands = names.filter((name) => program !== "audit-chain" || !ELSEWHERE.has(name));
  // A program that does something by itself has options beside its commands.
  const own = sectionOf(program, help(folder));
  const ofCommands = commands
    .filter((name) => name !== "help")
    .map((name) => sectionOf(`${program} ${name}`, help(folder, name)));
  return own.includes("| `") ? [own, ...ofCommands] : ofCommands;
});
writeFileSync(process.argv[2] ?? join(ROOT, "docs/commands.md"), `${HEADER}\n${sections.join("\n")}`);

function help(folder: string, ...words: readonly string[]): string {
  const args = ["--conditions=source", join(ROOT, folder, "src/cli.ts"), ...words, "--help"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${folder} ${words.join(" ")} --help: exit ${status}\n${stderr}`);
  return stdout;
}

/** A command's arguments and options as a table. Every command has `--help`, and every program `--version`. */
function sectionOf(command: string, text: string): string {
  const rows = [...entriesUnder("Arguments", text), ...entriesUnder("Options", text)]
    .filter(([name]) => !name.startsWith("-h,") && !name.startsWith("-V,"))
    .map(([name, meaning]) => `| \`${cell(name)}\` | ${cell(meaning)} |\n`);
  const table = ["| option | meaning |\n", "| --- | --- |\n", ...rows].join("");
  return `## ${command}\n\n${table}`;
}

/** The names and meanings under one of help's headings. A meaning goes on in the next lines, which are indented. */
function entriesUnder(heading: string, text: string): [string, string][] {
  const [, after = ""] = text.split(`\n${heading}:\n`);
  const [body = ""] = after.split("\n\n");
  return body
    .split(/\n {2}(?=\S)/)
    .map((entry) => entry.trim().split(/ {2,}|\n\s+/))
    .filter(([name = ""]) => name !== "")
    .map(([name = "", ...meaning]) => [name, meaning.join(" ")]);
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
