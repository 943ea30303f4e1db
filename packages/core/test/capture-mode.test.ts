import { expect, test } from "vitest";
import { CAPTURE_MODES, isCaptureMode } from "../src/index.ts";

test("each mode is one, and nothing else is", () => {
  expect(CAPTURE_MODES.filter(isCaptureMode)).toEqual(["sealed", "strict", "stream"]);
  for (const other of ["late", "Strict", "", null, undefined, 0]) expect(isCaptureMode(other)).toBe(false);
});
