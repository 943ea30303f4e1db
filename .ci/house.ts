/**
 * What a reviewer looks at first: crowded folders, long files, and passages that stand twice. Those that stay have a
 * reason in house.json; whatever is new and has none is a fault.
 *
 * usage: node --conditions=source .ci/house.ts [--all] (with --all also those that have a reason)
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { ROOT } from "./packages.ts";
import { type SourceFile, repeatedPassages, togetherByFile } from "./repeated-passages.ts";

const MAX_FILES = 15;
const MAX_LINES = 250;
/** A test's cases are read one by one. */
const MAX_TEST_LINES = 400;
const MIN_REPEATED = 6;

const PLACES = ["packages", "apps", "acceptance", "bench", "campaign", "api", "tests", ".ci"];
const ENDINGS = new Set([".ts", ".sql", ".py"]);
const SKIPPED = new Set(["node_modules", "dist", ".turbo", "migrations"]);

/** For each kind of thing the reasons, by the thing's name. */
type Reasons = Readonly<Record<"folders" | "files" | "passages", Readonly<Record<string, string>>>>;

const reasons = JSON.parse(readFileSync(join(import.meta.dirname, "house.json"), "utf8")) as Reasons;
const files = PLACES.flatMap(sourceFiles);
const isTest = ({ path }: SourceFile): boolean => /(?:^|\/)tests?\//.test(path);

const faults = [
  ...judge("folders", `more than ${MAX_FILES} source files`, crowdedFolders()),
  ...judge("files", `more than ${MAX_LINES} lines, or ${MAX_TEST_LINES} of a test`, longFiles()),
  ...judge("passages", `${MIN_REPEATED} or more equal lines`, repeats()),
];
for (const fault of faults) console.log(`FAULT ${fault}`);
console.log(
  faults.length === 0
    ? `house: ${files.length} files, nothing new`
    : "Split it, or say it once; else write the reason into .ci/house.json.",
);
process.exitCode = faults.length === 0 ? 0 : 1;

function sourceFiles(folder: string): SourceFile[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : sourceFiles(path);
    if (!ENDINGS.has(extname(entry.name))) return [];
    return [{ path, lines: readFileSync(join(ROOT, path), "utf8").trimEnd().split("\n") }];
  });
}

/** Folders by name, each with how many files lie in it. */
function crowdedFolders(): Map<string, string> {
  const folders = Map.groupBy(files, ({ path }) => dirname(path));
  return new Map(
    [...folders].flatMap(([folder, { length }]) => (length > MAX_FILES ? [[folder, `${length} files`] as const] : [])),
  );
}

function longFiles(): Map<string, string> {
  return new Map(
    files.flatMap((file) => {
      const { length } = file.lines;
      return length > (isTest(file) ? MAX_TEST_LINES : MAX_LINES) ? [[file.path, `${length} lines`] as const] : [];
    }),
  );
}

/** By the files that have a passage in common. Tests may repeat themselves: each can be read alone then. */
function repeats(): Map<string, string> {
  const sources = files.filter((file) => !isTest(file));
  return new Map(
    togetherByFile(repeatedPassages(sources, MIN_REPEATED)).map(({ paths, passages }) => [
      paths.join(" ~ "),
      passages
        .map(({ one, other, length }) => `${length} lines, at ${one.path}:${one.line} and ${other.path}:${other.line}`)
        .join("; "),
    ]),
  );
}

/** What has no reason, in words. Reasons for what is gone are told, and are no fault. */
function judge(kind: keyof Reasons, what: string, found: ReadonlyMap<string, string>): string[] {
  const isAll = process.argv.includes("--all");
  for (const [name, size] of found)
    if (isAll && reasons[kind][name] !== undefined) console.log(`stays ${name}: ${size}. ${reasons[kind][name]}`);
  for (const name of Object.keys(reasons[kind]))
    if (!found.has(name)) console.log(`gone  ${name}: take it out of .ci/house.json (${kind})`);
  return [...found].flatMap(([name, size]) =>
    reasons[kind][name] === undefined ? [`${name}: ${what} (${size})`] : [],
  );
}
