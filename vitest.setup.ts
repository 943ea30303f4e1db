import { shareTestServer } from "./packages/testkit/src/index.ts";

/** One PostgreSQL for all projects of a run; it starts when the first test asks for it. */
export default shareTestServer;
