import { CommandError, escapeMessage } from "@scidex/audit-command";
import { compareServer, describeDifference, type PinnedRow, type ServerDifference } from "@scidex/audit-verifier";
import type { Sql } from "postgres";

/**
 * The builtin rows that are not PostgreSQL's own on this server, to be pinned; each is said on stderr.
 *
 * @throws {CommandError} `failed` where there is a row twice, which no provider's server has
 */
export async function pinServer(sql: Sql): Promise<PinnedRow[]> {
  const differences = await serverDifferences(sql, []);
  for (const difference of differences) process.stderr.write(`${escapeMessage(sentence(difference))}\n`);
  const twice = differences.find(({ how }) => how === "duplicate");
  if (twice !== undefined)
    throw new CommandError("failed", `${describeDifference(twice)}: nothing lawful does that, and it cannot be pinned`);
  return differences.map(({ catalog, key, hash }) => ({ catalog, key, hash }));
}

/** The builtin rows that are neither PostgreSQL's own nor as a policy has pinned them, a line each. */
export const serverLines = (differences: readonly ServerDifference[], file: string): string[] =>
  differences.length === 0
    ? [`the server's own rows are as ${file} has them`]
    : differences.map((difference) => escapeMessage(sentence(difference)));

/**
 * The builtin rows that are neither PostgreSQL's own nor as a policy has pinned them.
 *
 * @throws {CommandError} `failed` where that cannot be judged
 */
export async function serverDifferences(sql: Sql, pinned: readonly PinnedRow[]): Promise<readonly ServerDifference[]> {
  const { differences, unproven } = await compareServer(sql, pinned);
  if (unproven.length > 0) throw new CommandError("failed", unproven.join("; "));
  // As they lie in the catalog, rows of one catalog come in any order.
  const catalogs = [...new Set(differences.map(({ catalog }) => catalog))];
  return differences.toSorted(
    (a, b) =>
      catalogs.indexOf(a.catalog) - catalogs.indexOf(b.catalog) || a.key.localeCompare(b.key, "en", { numeric: true }),
  );
}

const sentence = (difference: ServerDifference): string => `${describeDifference(difference)}: ${difference.actual}`;
