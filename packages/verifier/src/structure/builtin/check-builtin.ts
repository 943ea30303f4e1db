import type { Sql } from "postgres";
import { type Lane, type ReportFinding, VerifierError, withSnapshot } from "@scidex/audit-reader";
import type { OrNull } from "../catalog/read-rows.ts";
import { BuiltinComparison, type ServerDifference } from "./compare-builtin.ts";
import type { PinnedRow } from "../../coverage/policy.ts";
import { readBuiltin } from "./read-builtin.ts";

/**
 * Holds PostgreSQL's own rows of the catalogs against its manifest, and against what a policy has pinned.
 *
 * @param orNull takes note of what may not or cannot be read
 */
export async function checkBuiltin(
  lane: Lane,
  pinned: readonly PinnedRow[],
  report: ReportFinding,
  orNull: OrNull,
): Promise<void> {
  const take = (difference: ServerDifference, minors: string): void => {
    const { how, wasPinned, actual } = difference;
    const unknown = wasPinned ? "the row that the policy has pinned" : `the row of PostgreSQL ${minors}`;
    report({
      check: "catalog_changed",
      expected: how === "added" ? "no such row" : how === "duplicate" ? "one row" : unknown,
      actual,
      message: describeDifference(difference),
    });
  };
  return await compare(lane, pinned, take, orNull);
}

/**
 * The rows of PostgreSQL's own catalogs that are others on this server, or not as they were pinned: what
 * `audit-chain policy --pin-server` pins and `--diff` says.
 *
 * @returns `unproven` says what could not be judged: a major version that this release does not know
 */
export async function compareServer(
  sql: Sql,
  pinned: readonly PinnedRow[],
): Promise<{ readonly differences: readonly ServerDifference[]; readonly unproven: readonly string[] }> {
  const differences: ServerDifference[] = [];
  const take = (difference: ServerDifference): void => {
    differences.push(difference);
  };
  try {
    await withSnapshot(sql, async ([lane]) => await compare(lane, pinned, take, async (_, read) => await read()));
    return { differences, unproven: [] };
  } catch (error) {
    if (!(error instanceof VerifierError) || error.code !== "server_unknown") throw error;
    return { differences, unproven: [error.message] };
  }
}

/** A difference as a sentence. */
export function describeDifference({ catalog, key, what, how, wasPinned }: ServerDifference): string {
  const says = wasPinned ? PINNED[how] : OWN[how];
  return `${what} ${says} (${catalog}, row ${key})`;
}

const OWN = {
  changed: "is not PostgreSQL's own any more",
  missing: "of PostgreSQL's own has gone",
  added: "was added among PostgreSQL's own",
  duplicate: "is there twice",
} as const;
const PINNED = {
  ...OWN,
  changed: "is not as the policy has pinned it any more",
  missing: "has gone, which the policy has pinned",
} as const;

async function compare(
  lane: Lane,
  pinned: readonly PinnedRow[],
  report: (difference: ServerDifference, minors: string) => void,
  orNull: OrNull,
): Promise<void> {
  const { manifest } = await lane.catalog();
  const minors = manifest.minors.join(" and ");
  const comparison = new BuiltinComparison(manifest, pinned, (difference) => report(difference, minors));
  const read = await readBuiltin(
    lane,
    manifest,
    (catalog, key) => comparison.isKnown(catalog, key),
    (row) => comparison.take(row),
    orNull,
  );
  comparison.finish(read);
}
