/** The pages for readers lead to what is there. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const packages = ["packages", "apps"].flatMap((parent) =>
  readdirSync(join(root, parent)).map((name) => `${parent}/${name}`),
);
const pages = [
  ...readdirSync(root).filter((name) => name.endsWith(".md")),
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
  ...packages.map((folder) => `${folder}/README.md`),
];

/** The relative links of a page, each as its file and its anchor. Blocks of code are left out. */
function linksOf(page: string): { file: string; anchor: string }[] {
  const text = read(page).replace(/^```[\s\S]*?^```$/gm, "");
  return [...text.matchAll(/\]\((?!https?:)([^)#]*)#?([^)]*)\)/g)].map(([, file = "", anchor = ""]) => ({
    file: file === "" ? page : join(dirname(page), file),
    anchor,
  }));
}

/** The anchors that GitHub gives a page's headings. */
function anchorsOf(page: string): string[] {
  return [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-"),
  );
}

describe.each(pages)("%s", (page) => {
  test("links to files and headings that are there", () => {
    const wrong = linksOf(page).filter(
      ({ file, anchor }) => !existsSync(join(root, file)) || (anchor !== "" && !anchorsOf(file).includes(anchor)),
    );
    expect(wrong).toEqual([]);
  });
});

test("the README names every package", () => {
  const named = linksOf("README.md").map(({ file }) => file);
  expect(packages.filter((folder) => !named.includes(folder))).toEqual([]);
});

test("the README's index names every page of docs", () => {
  const named = linksOf("README.md").map(({ file }) => file);
  expect(pages.filter((page) => page.startsWith("docs/") && !named.includes(page))).toEqual([]);
});
