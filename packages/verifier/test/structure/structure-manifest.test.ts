import { startEmbedded } from "@scidex/audit-testkit";
import { expect, test } from "vitest";
import { describeDatabase } from "../../make/describe-database.ts";
import { MANIFEST } from "../../src/structure/manifest.ts";
import { startMajor } from "../../../reader/test/majors.ts";

test("the manifest is what the migrations make: else run pnpm manifest and look at the difference", async () => {
  await using server = await startEmbedded();
  const { version, schema } = await describeDatabase(server.url);
  expect(MANIFEST.migrations[String(version)]).toEqual(schema);
});

test.each([14, 15] as const)("the manifest holds on PostgreSQL %i", async (major) => {
  await using server = await startMajor(major);
  const { version, schema } = await describeDatabase(server.url);
  expect(schema).toEqual(MANIFEST.migrations[String(version)]);
  expect(JSON.stringify(schema)).not.toContain("not understood");
});

test("the manifest has every migration of a release in it, and none beyond", async () => {
  const ids = Object.keys(MANIFEST.migrations).map(Number);
  expect(Math.max(...ids)).toBeGreaterThan(0);
  for (const shape of Object.values(MANIFEST.migrations)) {
    expect(Object.keys(shape.relations)).toContain("audit_chain");
    expect(Object.keys(shape.functions).length).toBeGreaterThan(30);
  }
});
