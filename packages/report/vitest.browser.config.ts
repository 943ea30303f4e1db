import { defineConfig } from "vitest/config";
import { project } from "../../vitest.base.ts";

const base = project("@scidex/audit-report in a browser");

/** Tests that need a real Chromium, kept apart from those that need nothing but Node.js. */
export default defineConfig({
  ...base,
  // A busy machine takes its time to draw ten thousand findings.
  test: { ...base.test, include: ["test/browser/**/*.browser.ts"], testTimeout: 180_000 },
});
