#!/usr/bin/env node
// Everything else is loaded here, so that a module that cannot be loaded ends with 3 (could not do it) and never with 1.
try {
  const { requireNode } = await import("@scidex/audit-command/node-version");
  requireNode();
  const { main } = await import("./command.ts");
  await main();
} catch (error) {
  console.error("error:", error instanceof Error ? error.message : error);
  process.exitCode = 3;
}
