import { describe, expect, test } from "vitest";
import { describeTypeChange, textsThrough, textsWritten, typeChanges } from "../src/index.ts";

const read = (types: readonly string[], live: string) => textsThrough(types)?.(live);

describe("texts through several changes of a type", () => {
  test("stay where the type stays, or its texts do", () => {
    expect(read(["text", "text"], "x")).toEqual(["x"]);
    expect(read(["integer", "bigint", "numeric"], "7")).toEqual(["7"]);
    expect(read(["integer", "bigint"], "3000000000")).toEqual([]);
  });

  test("are read back through each change, the latest first", () => {
    expect(read(["numeric(10,2)", "numeric(14,4)", "numeric(20,6)"], "1.500000")).toEqual(["1.50"]);
    expect(read(["numeric(10,2)", "numeric(14,4)", "numeric(20,6)"], "1.500100")).toEqual([]);
    const moods = [`"p"."m"{'a','b'}`, `"p"."m"{'a','bb'}`, `"p"."m"{'a','bbb'}`];
    expect(read(moods, "bbb")).toEqual(["b"]);
    expect(read(moods, "bb")).toEqual([]);
  });

  test("are not known after one change that loses something, whatever follows", () => {
    expect(textsThrough(["text", "integer", "bigint"])).toBeNull();
    expect(textsThrough(["integer", "bigint", "text", "character(3)"])).toBeNull();
    // A range of somebody's own is described as a domain over its subtype.
    expect(textsThrough(["integer", `"p"."r"=integer`])).toBeNull();
  });
});

test("labels are matched by their places: a swap is said as one, a new order under another name is none", () => {
  const swapped = typeChanges([`"p"."m"{'approved','rejected'}`, `"p"."m"{'rejected','approved'}`]);
  expect(swapped.map((change) => describeTypeChange("t.c", change))).toEqual([
    't.c: the label "approved" is now called "rejected"; the label "rejected" is now called "approved"',
  ]);
  expect(typeChanges([`"p"."m"{'a','b'}`, `"p"."n"{'b','a'}`])[0]?.labels).toBeUndefined();
  expect(typeChanges([`"p"."m"{'a','b'}`, `"p"."m"{'a','c','b'}`])[0]?.labels).toBeUndefined();
  expect(read([`"p"."m"{'a','b'}`, `"p"."m"{'a','c','b'}`], "c")).toEqual([]);
});

describe("a text that was written after a change of its type", () => {
  const written = (before: string, now: string, live: string) => textsWritten({ before, now }).reading(live);
  const isCertain = (before: string, now: string): boolean => textsWritten({ before, now }).isCertain;

  test("is itself, unless it was that of another value before", () => {
    expect(written("boolean", "text", "true")).toEqual(["true"]);
    expect(written("boolean", "text", "t")).toEqual([]);
    expect(written("boolean[]", "text[]", "{true,t}")).toEqual([]);
    expect(written("character(4)", "character varying(8)", "ab")).toEqual(["ab"]);
    expect(written("character(4)", "character varying(8)", "ab  ")).toEqual([]);
    expect(written("character(4)", "character(8)", "ab      ")).toEqual(["ab      "]);
    expect(written("numeric(10,2)", "numeric(12,4)", "1.5000")).toEqual(["1.5000"]);
    expect(written(`"p"."m"{'a'}`, `"p"."m"{'b'}`, "b")).toEqual(["b"]);
  });

  test("may be that of another value where a real became a double precision", () => {
    expect(isCertain("real", "double precision")).toBe(false);
    expect(isCertain("real[]", "double precision[]")).toBe(false);
    expect(isCertain("boolean", "text")).toBe(true);
    expect(isCertain("date", "timestamp without time zone")).toBe(true);
  });
});
