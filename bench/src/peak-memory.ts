import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The most memory that `audit-verify` took for links, heads and sources (Linux). */
export interface PeakMemory {
  readonly megabytes: number;
  /** Whether the built package was measured: source code takes a compiler with it. */
  readonly isBuilt: boolean;
}

/** Not the process's maxrss, which begins with what its parent had: the kernel's count of the process itself. */
const TELL = `data:text/javascript,${encodeURIComponent(`
  import { readFileSync } from "node:fs";
  process.on("exit", () => process.stderr.write(/VmHWM:.*/.exec(readFileSync("/proc/self/status", "utf8"))[0]));
`)}`;

/** @param lines of the head log */
export function peakMemory(url: string, lines: readonly string[], keys: readonly string[]): PeakMemory {
  const built = fileURLToPath(new URL("../../packages/verifier/dist/cli.js", import.meta.url));
  const source = fileURLToPath(new URL("../../packages/verifier/src/cli.ts", import.meta.url));
  const isBuilt = existsSync(built);
  const command = isBuilt ? [built] : ["--conditions=source", source];
  const folder = mkdtempSync(join(tmpdir(), "audit-bench-"));
  try {
    const log = join(folder, "heads.log");
    writeFileSync(log, lines.map((line) => `${line}\n`).join(""));
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ["--import", TELL, ...command, "--checks", "links,heads,sources"],
      {
        encoding: "utf8",
        env: {
          ...process.env,
          AUDIT_DATABASE_URL: url,
          AUDIT_SINKS: `file:${log}`,
          AUDIT_VERIFIER_KEYS: keys.join(","),
        },
      },
    );
    if (status !== 0) throw new Error(`the verification whose memory is measured failed: ${stdout}${stderr}`);
    return { megabytes: Number(/VmHWM:\s+(\d+) kB/u.exec(stderr)?.[1]) / 1024, isBuilt };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
