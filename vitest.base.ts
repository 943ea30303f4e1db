import { availableParallelism } from "node:os";
import type { UserWorkspaceConfig } from "vitest/config";

/** What every package's tests share: sources are resolved directly, so that tests need no build. */
export const project = (name: string): UserWorkspaceConfig => ({
  resolve: { conditions: ["source"] },
  ssr: { resolve: { conditions: ["source"] } },
  test: {
    name,
    include: ["test/**/*.test.ts"],
    // What hangs is ended; nothing is measured by it. Beside other work, tests of commands take four times as long as alone.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    // Of each project: one that says nothing has a worker less than there are processors, and on two its files run one
    // after another. Tests wait for servers and processes more than they compute: a third worker takes what is left idle.
    maxWorkers: availableParallelism() + 1,
  },
});
