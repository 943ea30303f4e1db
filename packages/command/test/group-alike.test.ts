import { describe, expect, it } from "vitest";
import { briefly, groupAlike } from "../src/index.ts";

const cascade = (n: number): string =>
  `foreign key child_${n}_fkey changes rows when the referenced row of public.parent_${n} is deleted or updated: such a cascade is refused or tracked too`;
const forms = (messages: readonly string[]): number[] =>
  groupAlike(messages, (message) => message).map(({ all }) => all.length);

describe("messages that differ in names only", () => {
  it("are put together", () => {
    expect(forms([cascade(1), "another", cascade(2), cascade(3)])).toEqual([3, 1]);
  });

  it.each([
    ["column price is gone", "column amount is gone"],
    ['column "a ""b""" is not covered yet', "column c is not covered yet"],
    ["30 rows that were there before are not chained yet", "7 rows that were there before are not chained yet"],
    ["public.a is not guarded: run audit-chain attach public.a", '"B".c is not guarded: run audit-chain attach "B".c'],
  ])("%s, and %s", (a, b) => {
    expect(forms([a, b])).toEqual([2]);
  });

  it.each([
    ["trigger x is missing", "trigger x is disabled"],
    ["the table is gone", "the table is UNLOGGED"],
  ])("but not %s, and %s", (a, b) => {
    expect(forms([a, b])).toEqual([1, 1]);
  });

  it("are said one by one where there are few, else one of them with how many there are", () => {
    expect(briefly([1, 2, 3].map(cascade))).toEqual([1, 2, 3].map(cascade));
    expect(briefly([1, 2, 3, 4].map(cascade))).toEqual([`${cascade(1)} (and 3 more like this; --json lists all)`]);
  });
});
