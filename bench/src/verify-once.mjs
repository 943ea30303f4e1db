// Verifies links, heads and sources of what stdin says (JSON: url, lines, keys), and prints the most memory it had, in KiB.
// Plain JavaScript: what strips types takes memory, too. Not the process's maxrss: that begins with what its parent had.
import { readFileSync } from "node:fs";
import { verify } from "@scidex/audit-verifier";
import postgres from "postgres";

const { url, lines, keys } = JSON.parse(readFileSync(0, "utf8"));
const log = {
  name: "memory",
  async *read() {
    for (const [i, text] of lines.entries()) yield { number: i + 1, text, defect: null };
  },
};
const sql = postgres(url, { max: 4, onnotice: () => {} });
const report = await verify(sql, { checks: ["links", "heads", "sources"], heads: [log], keys });
if (report.status !== "intact") throw new Error(JSON.stringify(report.first_divergence ?? report.unproven));
await sql.end();
process.stdout.write(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "NaN");
