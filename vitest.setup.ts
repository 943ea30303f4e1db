import { resolve } from "node:path";
import { shareTestServer } from "./packages/testkit/src/index.ts";

// Hundreds of tests start a command of ours from its sources: with Node's cache of compiled modules that takes a third
// less. Whoever has set the variable keeps his.
process.env["NODE_COMPILE_CACHE"] ??= resolve(import.meta.dirname, "node_modules/.cache/compiled");

/** One PostgreSQL for all projects of a run; it starts when the first test asks for it. */
export default shareTestServer;
