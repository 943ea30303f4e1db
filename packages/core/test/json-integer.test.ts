import { expect, it } from "vitest";
import { jsonInteger } from "../src/index.ts";

it("a bigint is a number up to 2^53 - 1, and text beyond", () => {
  expect([0n, 1n, -7n].map(jsonInteger)).toEqual([0, 1, -7]);
  expect([2n ** 53n - 1n, 1n - 2n ** 53n].map(jsonInteger)).toEqual([9007199254740991, -9007199254740991]);
  expect([2n ** 53n, -(2n ** 53n)].map(jsonInteger)).toEqual(["9007199254740992", "-9007199254740992"]);
});
