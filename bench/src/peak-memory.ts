import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The most memory that a verification of links, heads and sources took, in a process of its own (Linux). */
export interface PeakMemory {
  readonly megabytes: number;
  /** Whether the built package was measured: source code takes a compiler with it. */
  readonly isBuilt: boolean;
}

const program = fileURLToPath(new URL("verify-once.mjs", import.meta.url));

export function peakMemory(url: string, lines: readonly string[], keys: readonly string[]): PeakMemory {
  const packages = ["core", "schema", "sinks", "verifier"];
  const isBuilt = packages.every((name) =>
    existsSync(new URL(`../../packages/${name}/dist/index.js`, import.meta.url)),
  );
  const options = isBuilt ? [] : ["--conditions=source"];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...options, program], {
    input: JSON.stringify({ url, lines, keys }),
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`the verification whose memory is measured failed: ${stderr}`);
  return { megabytes: Number(stdout) / 1024, isBuilt };
}
