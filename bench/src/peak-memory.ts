import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The most memory that a verification of links, heads and sources took, in a process of its own. */
export interface PeakMemory {
  readonly megabytes: number;
  /** Whether the built package was measured: source code takes a compiler with it. */
  readonly isBuilt: boolean;
}

const PROGRAM = `
  import postgres from "postgres";
  import { verify } from "@scidex/audit-verifier";
  const { url, lines, keys } = JSON.parse(await new Response(process.stdin).text());
  const read = async function* () { for (const [i, text] of lines.entries()) yield { number: i + 1, text, defect: null }; };
  const sql = postgres(url, { max: 4, onnotice: () => {} });
  const report = await verify(sql, { checks: ["links", "heads", "sources"], heads: [{ name: "memory", read }], keys });
  if (report.status !== "intact") throw new Error(JSON.stringify(report.first_divergence ?? report.unproven));
  await sql.end();
  process.stdout.write(String(process.resourceUsage().maxRSS / 1024));`;

export function peakMemory(url: string, lines: readonly string[], keys: readonly string[]): PeakMemory {
  const packages = ["core", "schema", "sinks", "verifier"];
  const isBuilt = packages.every((name) =>
    existsSync(new URL(`../../packages/${name}/dist/index.js`, import.meta.url)),
  );
  const options = isBuilt ? [] : ["--conditions=source"];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...options, "--input-type=module", "-e", PROGRAM], {
    cwd: fileURLToPath(new URL(".", import.meta.url)),
    input: JSON.stringify({ url, lines, keys }),
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`the verification whose memory is measured failed: ${stderr}`);
  return { megabytes: Number(stdout), isBuilt };
}
