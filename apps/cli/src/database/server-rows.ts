import { CommandError, escapeMessage, EXIT, type Outcome } from "@scidex/audit-command";
import { compareServer, describeDifference, type PinnedRow, type ServerDifference } from "@scidex/audit-verifier";
import { readPolicy } from "@scidex/audit-verifier/command";
import type { Sql } from "postgres";
import { print } from "../text/print.ts";

/**
 * The builtin rows that are not PostgreSQL's own on this server, to be pinned; each is said on stderr.
 *
 * @throws {CommandError} `failed` where there is a row twice, which no provider's server has
 */
export async function pinServer(sql: Sql): Promise<PinnedRow[]> {
  const differences = await differencesOf(sql, []);
  for (const difference of differences) process.stderr.write(`${escapeMessage(sentence(difference))}\n`);
  const twice = differences.find(({ how }) => how === "duplicate");
  if (twice !== undefined)
    throw new CommandError("failed", `${describeDifference(twice)}: nothing lawful does that, and it cannot be pinned`);
  return differences.map(({ catalog, key, hash }) => ({ catalog, key, hash }));
}

/** Says which builtin rows are neither PostgreSQL's own nor as the policy file has pinned them; exit 4 if any is. */
export async function diffServer(sql: Sql, file: string, json: boolean | undefined): Promise<Outcome> {
  const differences = await differencesOf(sql, (await readPolicy(file)).server);
  await print(json, { server: differences }, () =>
    differences.length === 0
      ? [`the server's own rows are as ${file} has them`]
      : differences.map((difference) => escapeMessage(sentence(difference))),
  );
  return { exit: differences.length === 0 ? EXIT.ok : EXIT.differs };
}

async function differencesOf(sql: Sql, pinned: readonly PinnedRow[]): Promise<readonly ServerDifference[]> {
  const { differences, unproven } = await compareServer(sql, pinned);
  if (unproven.length > 0) throw new CommandError("failed", unproven.join("; "));
  return differences;
}

const sentence = (difference: ServerDifference): string => `${describeDifference(difference)}: ${difference.actual}`;
