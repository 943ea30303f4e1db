import { expect, test } from "vitest";
import { packageVersion } from "../src/index.ts";

test("the version is that of the package.json beside the folder, and no reason to fail where there is none", () => {
  expect(packageVersion(import.meta.url)).toMatch(/^\d+\.\d+\.\d+$/u);
  expect(packageVersion("file:///nowhere/dist/cli.js")).toBe("unknown");
});
