import { describe, expect, test } from "vitest";
import { parseSearchPath } from "../../../src/structure/catalog/search-path.ts";

describe("a search path", () => {
  test.each([
    ["", []],
    ["public", ["public"]],
    ['"$user", public', ["$user", "public"]],
    [' One ,"Two ""2""" , $user', ["one", 'Two "2"', "$user"]],
    ['"", ""', []],
    ["a,,b", ["a", "b"]],
    ['a "b", c', []],
  ])("%j is split as the server does", (value, names) => {
    expect(parseSearchPath(value)).toEqual(names);
  });

  // Each was looked through from every place in it, over and over.
  test.each([
    ["blanks before a quote", `${" ".repeat(1_000_000)}a "`],
    ["blanks within", `a${" ".repeat(1_000_000)}"b`],
    ["one long name", `${"x".repeat(1_000_000)}"`],
  ])("that has a megabyte of %s is read in one pass", (_, value) => {
    expect(parseSearchPath(value)).toEqual([]);
  });
});
