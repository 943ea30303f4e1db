#!/usr/bin/env node
// Everything else is loaded dynamically, so that a module that cannot be loaded ends with 3 and not, as Node has it, 1.
try {
  const { requireNode } = await import("@scidex/audit-command/node-version");
  requireNode();
  const { main } = await import("./main.ts");
  await main();
} catch (error) {
  console.error("error:", error instanceof Error ? error.message : error);
  process.exitCode = 3;
}
