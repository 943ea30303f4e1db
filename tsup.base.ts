import type { Options } from "tsup";

/** Build options that every package extends: ESM only; what is private is bundled; tsc writes the declarations. */
export const base: Options = {
  format: "esm",
  target: "node22",
  platform: "node",
  clean: true,
  sourcemap: true,
  splitting: true,
  noExternal: ["@scidex/audit-command", "@scidex/audit-report"],
};
