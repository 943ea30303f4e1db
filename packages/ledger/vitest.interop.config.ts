import { defineConfig } from "vitest/config";
import { project } from "../../vitest.base.ts";

const base = project("@scidex/audit-ledger interop");

/** Tests that need another language's interpreter, kept apart from those that need nothing but Node.js. */
export default defineConfig({
  ...base,
  test: { ...base.test, include: ["test/interop/**/*.interop.ts"], globalSetup: ["../../vitest.setup.ts"] },
});
