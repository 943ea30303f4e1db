import { expect, test } from "vitest";
import { jsonForm, jsonInteger } from "../src/json-form.ts";

test("members get names in snake_case, at every depth", () => {
  expect(jsonForm({ firstDivergence: { eventKind: "a", seq: 7n }, all: [{ fromSeq: 1n }] })).toEqual({
    first_divergence: { event_kind: "a", seq: 7 },
    all: [{ from_seq: 1 }],
  });
});

test("a whole number that a double cannot hold becomes text", () => {
  expect([2n ** 53n - 1n, 2n ** 53n, -(2n ** 53n) + 1n, -(2n ** 53n)].map(jsonInteger)).toEqual([
    9007199254740991,
    "9007199254740992",
    -9007199254740991,
    "-9007199254740992",
  ]);
});

test("what is not set is left out, and null stays", () => {
  expect(jsonForm({ a: undefined, b: null, c: "eventKind" })).toEqual({ b: null, c: "eventKind" });
});

test("other objects stay as they are", () => {
  const time = new Date(0);
  expect(jsonForm({ time })).toEqual({ time });
});
