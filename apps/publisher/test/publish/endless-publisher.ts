// A process that appends a row and publishes, again and again, until it is killed:
// node endless-publisher.ts DATABASE_URL KEY_FILE SINK…
import { randomUUID } from "node:crypto";
import { jsonForm } from "@scidex/audit-core";
import postgres from "postgres";
import { publishHead } from "../../src/index.ts";

const [url = "", keyFile = "", ...sinks] = process.argv.slice(2);
const database = postgres(url, { max: 3, fetch_types: false, onnotice: () => {} });
process.send?.("ready");
for (;;) {
  const key = randomUUID();
  await database`select public.audit_chain_append('thing', ${key}, sha256('x'))`;
  const { status, divergences } = await publishHead({ database, keyFile, sinks });
  if (status === "tampered") process.send?.(jsonForm({ divergences }));
}
