#!/usr/bin/env node
// Everything is loaded dynamically: a module that can't be loaded would end the process with 1, which means tampering.
try {
  const { requireNode } = await import("@scidex/audit-command/node-version");
  requireNode();
  const { main } = await import("./main.ts");
  await main();
} catch (error) {
  console.error("error:", error instanceof Error ? error.message : error);
  process.exitCode = 3;
}
