// Some weeks of a year (src/year): a schema that lives, with publications, approvals, nights and attacks.
import { expect, test } from "vitest";
import { live } from "../src/year/year.ts";
import { runProgram } from "./programs.ts";
import { startMajor } from "./servers.ts";

const WEEKS = 6;

test(`${WEEKS} weeks of migrations, writes, restores and attacks end as they are documented, with clean nights`, async () => {
  await using server = await startMajor(15, { fsync: "on" });
  const year = await live({ server, weeks: WEEKS, seed: "ci", run: runProgram });
  expect(year.nights).toBeGreaterThanOrEqual(1 + 5 * WEEKS);
  expect(year.changes).toBeGreaterThanOrEqual(WEEKS);
}, 600_000);
