import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: ["packages/*", "apps/*", "acceptance", { test: { name: "repository", include: ["tests/**/*.test.ts"] } }],
    globalSetup: ["./vitest.setup.ts"],
    // Tests wait for servers and processes more than they compute: one worker would leave processors idle.
    maxWorkers: "100%",
  },
});
