import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");

/** What each package may import of the others: the arrows of ARCHITECTURE.md, and nothing else. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "packages/core": [],
  "packages/command": [],
  "packages/report": [],
  "packages/testkit": [],
  "packages/schema": ["core"],
  "packages/sinks": ["core"],
  "packages/writer": ["core", "schema"],
  "packages/ledger": ["core", "command"],
  "packages/verifier": ["core", "schema", "sinks", "command", "report"],
  "apps/publisher": ["core", "schema", "sinks", "verifier", "command", "report"],
  "apps/backfill": ["core", "schema", "command"],
  // Above all others.
  "apps/cli": "core schema sinks writer verifier ledger testkit publisher backfill command".split(" "),
};

const packages = ["packages", "apps"].flatMap((parent) =>
  readdirSync(join(root, parent)).map((name) => `${parent}/${name}`),
);

/** The text of each source file without its comments, by path; without generators, which are run as a script and not shipped. */
function sources(folder: string): { file: string; text: string }[] {
  const manifest = readFileSync(join(root, folder, "package.json"), "utf8");
  return readdirSync(join(root, folder, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !manifest.includes(` src/${file}"`))
    .map((file) => ({
      file,
      text: readFileSync(join(root, folder, "src", file), "utf8").replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, ""),
    }));
}

/** What a source file imports, statically or not. */
const importsOf = (text: string): string[] =>
  [...text.matchAll(/(?:\bfrom\s+|\bimport\s+|\bimport\s*\(\s*)"([^"]+)"/g)].map((match) => match[1] ?? "");

const ours = (folder: string): string[] => (MAY_IMPORT[folder] ?? []).map((name) => `@scidex/audit-${name}`);

test("every package has a place in the order of dependencies", () => {
  expect(new Set(packages)).toEqual(new Set(Object.keys(MAY_IMPORT)));
});

describe.each(packages)("%s", (folder) => {
  test("imports only packages that come before it", () => {
    const imported = sources(folder).flatMap(({ file, text }) =>
      importsOf(text)
        .filter((name) => name.startsWith("@scidex/"))
        .map((name) => ({ file, name: name.split("/").slice(0, 2).join("/") })),
    );
    expect(imported.filter(({ name }) => !ours(folder).includes(name))).toEqual([]);
  });

  test("stays inside its own folder", () => {
    const outside = sources(folder).flatMap(({ file, text }) =>
      importsOf(text)
        .filter((name) => name.startsWith("."))
        .filter((name) => !join(root, folder, "src", file, "..", name).startsWith(join(root, folder, "/")))
        .map((name) => `${file} imports ${name}`),
    );
    expect(outside).toEqual([]);
  });

  test("asks for no package that it may not import", () => {
    const { dependencies = {}, peerDependencies = {} } = JSON.parse(
      readFileSync(join(root, folder, "package.json"), "utf8"),
    ) as { dependencies?: Record<string, string>; peerDependencies?: Record<string, string> };
    const named = Object.keys({ ...dependencies, ...peerDependencies }).filter((name) => name.startsWith("@scidex/"));
    expect(named.filter((name) => !ours(folder).includes(name))).toEqual([]);
  });
});

test("core is pure: nothing but hashing and signing from Node.js, no clock, chance, environment or input", () => {
  const impure =
    /\bprocess\b|\bDate\.now\b|\bnew Date\(\)|\bperformance\b|\bMath\.random\b|\bset(?:Timeout|Interval|Immediate)\b|\bfetch\(|\bconsole\b|\bBun\b|\bDeno\b/;
  const found = sources("packages/core").flatMap(({ file, text }) => [
    ...importsOf(text)
      .filter((name) => name !== "node:crypto" && !name.startsWith("./"))
      .map((name) => `${file} imports ${name}`),
    ...text
      .split("\n")
      .filter((line) => impure.test(line))
      .map((line) => `${file}: ${line.trim()}`),
  ]);
  expect(found).toEqual([]);
});
