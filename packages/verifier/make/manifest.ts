// Makes src/structure/manifest.json from the migrations, on an embedded server of its own: `pnpm manifest`.
// The entry of the newest migration is made; those of earlier ones stay as they were released.
import { readFileSync, writeFileSync } from "node:fs";
import { startEmbedded } from "@scidex/audit-testkit";
import type { Manifest } from "../src/structure/manifest.ts";
import { describeDatabase } from "./describe-database.ts";

const place = new URL("../src/structure/manifest.json", import.meta.url);
let known: Manifest | null = null;
try {
  known = JSON.parse(readFileSync(place, "utf8")) as Manifest;
} catch {
  process.stderr.write("there is no manifest yet: making one\n");
}
const server = await startEmbedded();
try {
  const { version, schema } = await describeDatabase(server.url);
  const migrations = { ...known?.migrations, [version]: schema };
  writeFileSync(place, `${JSON.stringify({ migrations }, null, 2)}\n`);
  process.stderr.write(
    `${Object.keys(schema.functions).length} functions of migration ${version}, PostgreSQL ${server.version}\n`,
  );
} finally {
  await server.stop();
}
