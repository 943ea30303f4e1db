import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { generateKeyFiles, publishHead } from "@scidex/audit-publisher";
import { type BenchDatabase, sealAll } from "../database.ts";
import { held, type Measurement, median, milliseconds, rounds } from "../measure.ts";

const DATABASES = 20;
const ROWS = 1_000;
const VERIFY = fileURLToPath(new URL("../../../packages/verifier/src/cli.ts", import.meta.url));

/** Twenty small databases, verified by one command, against a command for each, one after the other. */
export async function benchFleet(db: BenchDatabase): Promise<Measurement[]> {
  const folder = await mkdtemp(join(tmpdir(), "audit-bench-fleet-"));
  const names = Array.from({ length: DATABASES }, (_, i) => `tenant-${i + 1}`);
  const databases: BenchDatabase[] = [];
  try {
    for (const name of names) {
      const database = await db.another();
      databases.push(database);
      await prepare(database, name, folder);
    }
    const file = join(folder, "fleet.json");
    const config = {
      origin: "bench/{name}",
      sinks: [`file:${folder}/{name}.log`],
      databases: Object.fromEntries(names.map((name, i) => [name, { database: databases[i]?.url }])),
    };
    await writeFile(file, JSON.stringify(config));
    const keys = join(folder, "{name}.vkeys");
    const byHand = async (): Promise<void> => {
      for (const [i, name] of names.entries())
        await verify([], {
          AUDIT_DATABASE_URL: databases[i]?.url ?? "",
          AUDIT_ORIGIN: `bench/${name}`,
          AUDIT_SINKS: `file:${folder}/${name}.log`,
          AUDIT_VERIFIER_KEYS: join(folder, `${name}.vkeys`),
        });
    };
    const fleet = async (): Promise<void> => await verify(["--fleet", file], { AUDIT_VERIFIER_KEYS: keys });
    // Compiled once for both.
    await fleet();
    await byHand();
    const figures = await rounds(5, {
      fleet: async () => await milliseconds(fleet),
      byHand: async () => await milliseconds(byHand),
    });
    return [
      held(
        `verify ${DATABASES} databases of ${ROWS.toLocaleString("en")} rows, --fleet`,
        figures.fleet,
        { name: "one after the other by hand", figures: figures.byHand },
        { unit: "ms", target: { ratio: 0.5, is: "at most" }, note: `${median(figures.byHand).toFixed(0)} ms by hand` },
      ),
    ];
  } finally {
    for (const database of databases) await database.end();
    await rm(folder, { recursive: true });
  }
}

async function prepare(database: BenchDatabase, name: string, folder: string): Promise<void> {
  const { sql } = database;
  await sql`create table orders (id int primary key, item text not null)`;
  await database.attach("orders", { mode: "sealed" });
  await sql`insert into orders select i, 'item ' || i from generate_series(1, ${ROWS}) as i`;
  await sealAll(sql);
  const keyFile = join(folder, `${name}.key`);
  const { vkeys } = await generateKeyFiles({ origin: `bench/${name}`, out: keyFile });
  await writeFile(join(folder, `${name}.vkeys`), vkeys.join("\n"));
  await publishHead({ database: sql, keyFile, sinks: [`file:${folder}/${name}.log`] });
}

async function verify(args: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
  const child = spawn(process.execPath, ["--conditions=source", VERIFY, "--json", ...args], {
    env: { PATH: process.env["PATH"], NODE_COMPILE_CACHE: join(tmpdir(), "audit-bench-compiled"), ...env },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [exit] = (await once(child, "close")) as [number | null];
  if (exit !== 0) throw new Error(`the benchmark's own databases do not verify: exit ${exit}`);
}
