import { parseArgs } from "node:util";
import { runProgram } from "../../interop/programs.ts";
import { startMajor, startNewest } from "../../interop/servers.ts";
import { live } from "./year.ts";

const USAGE = `Lives through some weeks on one database: migrations of every kind, writes, publications, nights, attacks, restores.

  year [--weeks N] [--seed TEXT] [--major 15|18]    52 weeks on PostgreSQL 15; only there it is dumped and restored

Exit code: 0 if all was as the documentation says, 1 if not, 2 for wrong usage.`;

const { values } = parseArgs({
  options: {
    weeks: { type: "string", default: "52" },
    seed: { type: "string", default: "year" },
    major: { type: "string", default: "15" },
    help: { type: "boolean", default: false },
  },
});
const { seed, major } = values;
const weeks = Number(values.weeks);
if (values.help || !Number.isSafeInteger(weeks) || weeks < 1 || !["15", "18"].includes(major)) {
  process.stderr.write(`${USAGE}\n`);
  process.exit(values.help ? 0 : 2);
}
const isOld = major === "15";
const server = isOld ? await startMajor(15, { fsync: "on" }) : await startNewest({ fsync: "on" });
try {
  const tell = (line: string): void => void process.stderr.write(`${line}\n`);
  const { waits, ...done } = await live({ server, weeks, seed, tell, run: isOld ? runProgram : undefined });
  const longest = (of: "during" | "before" | "sync"): number => Math.round(Math.max(...waits.map((wait) => wait[of])));
  process.stdout.write(
    `${weeks} weeks, seed ${seed}: ${done.changes} changes, ${done.publications} publications, ${done.nights} clean nights, ${done.approvals} approvals\n` +
      `longest insert beside sync ${longest("during")} ms, before it ${longest("before")} ms; longest sync ${longest("sync")} ms\n`,
  );
} catch (error) {
  process.stderr.write(`seed ${seed}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await server.stop();
}
