import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: ["packages/*", "apps/*", "acceptance", { test: { name: "repository", include: ["tests/**/*.test.ts"] } }],
    globalSetup: ["./vitest.setup.ts"],
  },
});
