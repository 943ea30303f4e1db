import type { UserWorkspaceConfig } from "vitest/config";

/** What every package's tests share: sources are resolved directly, so that tests need no build. */
export const project = (name: string): UserWorkspaceConfig => ({
  resolve: { conditions: ["source"] },
  ssr: { resolve: { conditions: ["source"] } },
  test: {
    name,
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
