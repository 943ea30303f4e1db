import { defineConfig } from "vitest/config";
import { project } from "./vitest.base.ts";

const repository = project("repository");

export default defineConfig({
  test: {
    projects: [
      "packages/*",
      "apps/*",
      "acceptance",
      { ...repository, test: { ...repository.test, include: ["tests/**/*.test.ts"] } },
    ],
    globalSetup: ["./vitest.setup.ts"],
  },
});
