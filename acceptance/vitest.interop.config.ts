import { defineConfig } from "vitest/config";
import { project } from "../vitest.base.ts";

const base = project("@scidex/audit-acceptance interop");

/** Tests that need PostgreSQL's own client programs, kept apart from those that need nothing but Node.js. */
export default defineConfig({
  ...base,
  test: { ...base.test, include: ["interop/**/*.interop.ts"], globalSetup: ["../vitest.setup.ts"] },
});
