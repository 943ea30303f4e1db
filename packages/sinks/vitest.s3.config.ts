import { defineConfig } from "vitest/config";
import { project } from "../../vitest.base.ts";

const base = project("@scidex/audit-sinks on S3");

/** Tests against a real S3 server, which Go compiles, kept apart from those that need nothing but Node.js. */
export default defineConfig({
  ...base,
  test: { ...base.test, include: ["test/s3/**/*.s3.ts"], globalSetup: ["test/s3/setup.ts"], testTimeout: 120_000 },
});
