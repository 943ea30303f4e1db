import * as fc from "fast-check";
import { expect, it } from "vitest";
import { compareBytes } from "../../src/rows/byte-order.ts";

it("texts compare as their UTF-8 bytes do", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
      expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
  expect(compareBytes("\uffff", "\u{10000}")).toBeLessThan(0);
});
