// A process of its own for the tests: appends argv[4] events for the agent argv[3] to the ledger at argv[2], as fast as it can,
// in `argv[5]` calls at once. The secret comes from the environment, as it does in production.
import { appendEvent, openLedger } from "../../src/index.ts";

const [location = "", agent_id = "", count = "0", atOnce = "1"] = process.argv.slice(2);
const ledger = openLedger(location);
let left = Number(count);
async function writer(): Promise<void> {
  while (left > 0) {
    left -= 1;
    await appendEvent(ledger, { agent_id, session_id: `process ${process.pid}`, operation: "llm_call" });
  }
}
await Promise.all(Array.from({ length: Number(atOnce) }, writer));
await ledger.close();
