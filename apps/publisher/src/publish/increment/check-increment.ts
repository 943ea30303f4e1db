import type { Head } from "@scidex/audit-core";
import { describeServer, type Finding, isNamedOtherwise, isOtherCluster, type KnownServer } from "@scidex/audit-reader";
import type { Sql } from "postgres";
import { PublisherError } from "../../errors.ts";
import { type Increment, readIncrement, type ReadOptions } from "./read-increment.ts";
import { readServer } from "../server.ts";

/** What the chain has gained, and whether it may be signed. */
export interface CheckedIncrement {
  readonly increment: Increment;
  /** The database that it was read from. */
  readonly server: KnownServer;
  readonly findings: readonly Finding[];
}

/**
 * Reads what the chain has gained since the last signed head. Where that head's link is missing, it makes sure that this
 * is the database it was signed of.
 *
 * @param last the head that was signed last
 * @param known the database that it was signed of; null where the state does not say
 * @throws {PublisherError} `database`; as `readIncrement`
 */
export async function checkIncrement(
  sql: Sql,
  last: Head | undefined,
  known: KnownServer | null,
  options: ReadOptions,
): Promise<CheckedIncrement> {
  const findings: Finding[] = [];
  const increment = await readIncrement(sql, last, (one) => findings.push(one), options);
  const server = await readServer(sql);
  if (!increment.isAnchored && known !== null) requireSame(known, server);
  return { increment, server, findings };
}

/**
 * A head over a false time would vouch for it for ever. Whoever made it false, the publisher did not see it happen.
 *
 * @throws {PublisherError} `clock`
 */
export function requirePlausibleTimes(findings: readonly Finding[]): void {
  const wrong = findings.find(({ check }) => check === "time_implausible");
  if (wrong === undefined) return;
  const { seq, eventKind: kind, eventPk: pk, expected, actual } = wrong;
  throw new PublisherError(
    "clock",
    `link ${seq} says that it was appended at ${actual}, expected ${expected} (seq ${seq}, ${kind ?? "?"} ${pk ?? "?"}): the clock of the database's server was wrong when it was linked, or somebody has written the link past the door. Nothing is signed over it, and audit-verify reports it. Check the server's clock. Where it was that, docs/life.md has how to go on: audit-publisher begin, which says whose times are false, and has the auditor approve it`,
  );
}

/** Where what we signed last is missing, and this is not even the database that it was signed of. */
function requireSame(known: KnownServer, here: KnownServer): void {
  if (!isNamedOtherwise(known, here) && !isOtherCluster(known, here)) return;
  throw new PublisherError(
    "database",
    `this is ${describeServer(here)}, and the last head was signed of ${describeServer(known)}; its link is not here. Nothing is signed: correct AUDIT_DATABASE_URL (or AUDIT_SIGNING_KEY_FILE, if the key is that of another log). If the chain has moved here, what has been published is missing: restore it. Where an older backup is all that there is: docs/life.md (audit-publisher begin)`,
  );
}
