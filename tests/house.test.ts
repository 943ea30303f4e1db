import { expect, test } from "vitest";
import { repeatedPassages, togetherByFile } from "../.ci/repeated-passages.ts";

const passage = ["one();", "two();", "three();", "four();", "five();", "six();"];
const file = (path: string, ...lines: string[]) => ({ path, lines });

test("a passage that stands in two files is found, whatever blank lines, brackets and indents are in it", () => {
  const spread = passage.flatMap((line) => ["", `  ${line}`, "}"]);
  const found = repeatedPassages([file("b.ts", "before();", ...passage), file("a.ts", ...spread, "after();")], 6);
  expect(found).toEqual([{ one: { path: "a.ts", line: 2 }, other: { path: "b.ts", line: 2 }, length: 6 }]);
});

test("a passage that stands twice in one file is found, and one that runs into itself is not", () => {
  expect(repeatedPassages([file("a.ts", ...passage, "between();", ...passage)], 6)).toHaveLength(1);
  expect(repeatedPassages([file("a.ts", ...Array.from({ length: 8 }, () => "again();"))], 6)).toEqual([]);
});

test("fewer lines, and imports, are no passage", () => {
  const few = passage.slice(1);
  expect(repeatedPassages([file("a.ts", ...few), file("b.ts", ...few)], 6)).toEqual([]);
  const imports = ["import {", ...passage, '} from "./x.ts";', ...passage.map((_, i) => `import "./${i}.ts";`)];
  expect(repeatedPassages([file("a.ts", ...imports), file("b.ts", ...imports)], 6)).toEqual([]);
});

test("a third file joins the two that have its passage", () => {
  const found = repeatedPassages([file("c.ts", ...passage), file("a.ts", ...passage), file("b.ts", ...passage)], 6);
  expect(togetherByFile(found)).toMatchObject([{ paths: ["a.ts", "b.ts", "c.ts"] }]);
});
