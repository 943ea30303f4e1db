// Begins another log, to be killed meanwhile: URL KEYFILE SINK…
import postgres from "postgres";
import { beginLog } from "../../src/index.ts";

const [url = "", keyFile = "", ...sinks] = process.argv.slice(2);
const database = postgres(url, { max: 3, fetch_types: false, onnotice: () => {} });
await database`select 1`;
process.send?.("ready");
try {
  await beginLog({ database, keyFile, sinks, reason: "killed" });
} catch (error) {
  process.send?.(String(error));
}
await database.end();
process.disconnect();
