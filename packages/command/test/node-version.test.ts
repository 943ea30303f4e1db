import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { OLDEST_NODE, requireNode } from "../src/node-version.ts";

test.each(["18.20.8", "20.19.1", "22.17.1"])("Node.js %s is too old, which a line says", (version) => {
  expect(() => requireNode(version)).toThrow(
    new Error(`Node.js ${OLDEST_NODE} or newer is needed, and this is ${version} (${process.execPath})`),
  );
});

test.each(["22.18.0", "22.20.1", "24.0.0", "26.1.0-nightly"])("Node.js %s will do", (version) => {
  expect(() => requireNode(version)).not.toThrow();
});

test("what is asked for is what the packages' engines say", () => {
  const { engines } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    engines: { node: string };
  };
  expect(engines.node).toBe(`>=${OLDEST_NODE}`);
});

test.each(["apps/cli", "apps/publisher", "apps/backfill", "packages/verifier", "packages/ledger"])(
  "the executable of %s asks before it loads anything else",
  (folder) => {
    const source = readFileSync(new URL(`../../../${folder}/src/cli.ts`, import.meta.url), "utf8");
    const [first] = source.split("\n").filter((line) => line.includes("import("));
    expect(first).toContain('import("@scidex/audit-command/node-version")');
    expect(source).toContain("requireNode();");
    expect(source).not.toMatch(/^import /mu);
  },
);
