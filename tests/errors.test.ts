/** Every code that a user can meet is in docs/errors.md, with what happened and what to do, and no other is. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { CHECKS } from "../packages/reader/src/finding/finding.ts";

const root = resolve(import.meta.dirname, "..");
const page = readFileSync(join(root, "docs/errors.md"), "utf8");

const files = ["packages", "apps"]
  .flatMap((parent) => readdirSync(join(root, parent)).map((name) => join(root, parent, name, "src")))
  .flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => /\.(?:ts|sql)$/.test(name))
      .map((name) => ({ name: join(folder, name), text: withoutComments(readFileSync(join(folder, name), "utf8")) })),
  );

/** Each package's closed union of codes, by the name of its error class. */
const unions = new Map(
  files.flatMap(({ text }) =>
    [...text.matchAll(/export type (\w+Error)Code =([^;]*);/g)].map(
      ([, name = "", body = ""]) => [name, [...body.matchAll(/"(\w+)"/g)].map((match) => match[1] ?? "")] as const,
    ),
  ),
);

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "");
}

/** The rows of the tables under a heading, each as its cells. */
function rowsUnder(heading: string): string[][] {
  const [, section = ""] = page.split(`\n## ${heading}\n`);
  const [body = ""] = section.split(/\n## /);
  return body
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** What is documented under a heading; each with all its cells filled in. */
function codesUnder(heading: string): string[] {
  return rowsUnder(heading).map((cells) => {
    expect(cells, `a row of "${heading}": code, what happened, what to do`).toHaveLength(3);
    for (const cell of cells) expect(cell, `an empty cell beside ${cells[0]}`).not.toBe("");
    return cells[0]?.replaceAll("`", "") ?? "";
  });
}

test("there are the unions of codes that one expects", () => {
  expect([...unions.keys()]).toEqual(expect.arrayContaining(["CoreError", "PublisherError", "SinkError"]));
  for (const codes of unions.values()) expect(codes.length).toBeGreaterThan(0);
});

describe("docs/errors.md has, and has nothing else:", () => {
  test.each([...unions.keys()])("the codes of %s", (name) => {
    expect(codesUnder(`\`${name}\``).toSorted()).toEqual(unions.get(name)?.toSorted());
  });

  test("our SQLSTATEs", () => {
    const states = new Set<string>(
      files.flatMap(({ name, text }) => (name.endsWith(".sql") ? (text.match(/\bAC\d{3}\b/g) ?? []) : [])),
    );
    expect(states.size).toBeGreaterThan(3);
    expect(codesUnder("SQLSTATEs").toSorted()).toEqual([...states].toSorted());
  });

  test("the checks", () => {
    expect(codesUnder("Findings").toSorted()).toEqual(Object.keys(CHECKS).toSorted());
  });
});

test("every reason for which something is not proven is in docs/errors.md, in the words in which it is given", () => {
  const reasons = files
    .filter(({ name }) => name.includes(join("verifier", "src")))
    .flatMap(({ text }) => reasonsIn(text));
  expect(reasons.length).toBeGreaterThan(12);
  const documented = rowsUnder("Not proven").map(([reason = ""]) => reason);
  for (const fragment of reasons)
    expect(
      documented.some((reason) => reason.includes(fragment)),
      `"${fragment}" is not documented`,
    ).toBe(true);
});

/** The longest fixed piece of each text that is given as a reason. */
function reasonsIn(text: string): string[] {
  const calls =
    /(?:#cannot|unproven\.(?:push|add)|doubts\.push|lasting)\((?!\.\.\.)([\s\S]*?)\);\n|REWRITTEN =([^;]*);|return (`(?:\$\{current\.relation\}: |this )[^`]*`);/g;
  return [...text.matchAll(calls)]
    .flatMap((call) => [...(call[1] ?? call[2] ?? call[3] ?? "").matchAll(/"([^"]{12,})"|`([^`]{12,})`/g)])
    .flatMap(([, plain, template]) =>
      (plain ?? template ?? "")
        .split(/\$\{[^}]*\}/)
        .toSorted((a, b) => b.length - a.length)
        .slice(0, 1),
    )
    .map((fragment) => fragment.trim())
    .filter((fragment) => fragment.length >= 12);
}
