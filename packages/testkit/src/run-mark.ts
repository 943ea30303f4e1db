import { randomBytes } from "node:crypto";

/** Marks the databases of a run, so that its end can remove them from a server that stays. */
const RUN = "AUDIT_TEST_RUN";

/** The mark of this run's databases; processes that are started from here on inherit it. */
export function runMark(): string {
  return (process.env[RUN] ??= randomBytes(5).toString("hex"));
}
