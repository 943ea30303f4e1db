// A process that seals in small batches, again and again, until it is killed: node endless-sealer.ts DATABASE_URL
import { setTimeout as sleep } from "node:timers/promises";
import { sealPending } from "@scidex/audit-publisher";
import { connect } from "../../src/audited-database.ts";

const [url = ""] = process.argv.slice(2);
const sql = connect(url);
// An exception of the driver's own, when its socket goes away between two steps of a write; the query fails as it should.
process.on("uncaughtException", (error) => {
  if (!error.stack?.includes("nextWrite")) throw error;
});
process.send?.("ready");
for (;;) {
  try {
    await sealPending(sql, { batch: 20 });
  } catch {
    // The server was killed, and will be back.
  }
  await sleep(10);
}
