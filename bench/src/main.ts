import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { benchAppend } from "./append.ts";
import { benchBackfill } from "./backfill.ts";
import { benchBundle } from "./tree/bundle.ts";
import { benchCapture } from "./capture/bench-capture.ts";
import { type BenchDatabase, benchDatabase } from "./database.ts";
import { benchFleet } from "./scale/fleet.ts";
import { benchLedger } from "./ledger.ts";
import { isReached, type Measurement } from "./measure.ts";
import { benchPublish } from "./publish.ts";
import { benchRecord } from "./record.ts";
import { benchSeal } from "./seal.ts";
import { benchShards } from "./scale/shards.ts";
import { benchTables } from "./tables.ts";
import { benchTiles } from "./tree/tiles.ts";
import { benchVerify } from "./verify.ts";

interface Subject {
  readonly name: string;
  readonly run: (db: BenchDatabase, rows: number) => Promise<Measurement[]>;
}

const SUBJECTS: readonly Subject[] = [
  { name: "capture", run: benchCapture },
  { name: "append", run: benchAppend },
  { name: "seal", run: benchSeal },
  { name: "backfill", run: benchBackfill },
  { name: "record", run: benchRecord },
  { name: "verify", run: benchVerify },
  { name: "shards", run: benchShards },
  { name: "bundle", run: benchBundle },
  { name: "tiles", run: benchTiles },
  { name: "tables", run: benchTables },
  { name: "fleet", run: benchFleet },
  { name: "publish", run: benchPublish },
  { name: "ledger", run: benchLedger },
];

const USAGE = `Measures the audit chain as ratios within one run, on an embedded PostgreSQL or that of AUDIT_DATABASE_URL.

  bench [${SUBJECTS.map(({ name }) => name).join("|")}] [--json] [--rows N]`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    rows: { type: "string", default: "1000000" },
    help: { type: "boolean", default: false },
  },
});
const unknown = positionals.filter((word) => !SUBJECTS.some(({ name }) => name === word));
const rows = Number(values.rows);
if (values.help || unknown.length > 0 || !Number.isSafeInteger(rows) || rows < 1) {
  process.stderr.write(`${USAGE}\n`);
  process.exit(values.help ? 0 : 2);
}

const results: { subject: string; measurements: Measurement[] }[] = [];
let server = "";
for (const { name, run } of SUBJECTS) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const db = await benchDatabase();
  server = db.server;
  try {
    process.stderr.write(`${name} …\n`);
    const measurements = await run(db, rows);
    results.push({ subject: name, measurements });
    if (!values.json) process.stdout.write(`${describe(name, measurements)}\n`);
  } finally {
    await db.end();
  }
}
const machine = `${cpus().length} × ${cpus()[0]?.model.trim() ?? "?"}, Node.js ${process.version}, ${server}`;
process.stdout.write(values.json ? `${JSON.stringify({ machine, results })}\n` : `${machine}\n`);

function describe(name: string, measurements: readonly Measurement[]): string {
  return [
    `## ${name}`,
    "",
    "| what | median | ratio | target | |",
    "| --- | ---: | ---: | ---: | --- |",
    ...measurements.map(line),
    "",
  ].join("\n");
}

function line(m: Measurement): string {
  const value = `${m.value >= 100 ? Math.round(m.value).toLocaleString("en") : m.value.toFixed(1)} ${m.unit}`;
  const target = m.target === undefined ? "" : `${m.target.is === "at least" ? "≥" : "≤"} ${m.target.ratio}`;
  const reached = { true: "reached", false: "**missed**", undefined: "" }[
    String(isReached(m)) as "true" | "false" | "undefined"
  ];
  const against = m.against === undefined ? "" : ` of ${m.against.name}`;
  return `| ${m.name} | ${value} | ${m.ratio === undefined ? "" : `${m.ratio.toFixed(2)}${against}`} | ${target} | ${[reached, m.note].filter((part) => part !== "" && part !== undefined).join("; ")} |`;
}
