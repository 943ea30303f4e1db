import { expect, test } from "vitest";
import { camelForm, jsonForm } from "../src/json-form.ts";

test("members get names in snake_case, at every depth", () => {
  expect(jsonForm({ firstDivergence: { eventKind: "a", seq: 7n }, all: [{ fromSeq: 1n }] })).toEqual({
    first_divergence: { event_kind: "a", seq: 7 },
    all: [{ from_seq: 1 }],
  });
});

test("what is not set is left out, and null stays", () => {
  expect(jsonForm({ a: undefined, b: null, c: "eventKind" })).toEqual({ b: null, c: "eventKind" });
});

test("other objects stay as they are", () => {
  const time = new Date(0);
  expect(jsonForm({ time })).toEqual({ time });
});

test("names come back from snake_case, and values stay", () => {
  const report = { firstDivergence: { eventKind: "a_b", seq: 7 }, all: [{ fromSeq: 1 }, null], notCovered: true };
  expect(camelForm(jsonForm(report))).toEqual(report);
});
