import type { Sql } from "postgres";
import type { Report } from "../../finding.ts";
import { type Lane, withSnapshot } from "../../snapshot.ts";
import { BuiltinComparison, type PinnedRow, type ServerDifference } from "./compare-builtin.ts";
import { readBuiltin } from "./read-builtin.ts";

/** Holds PostgreSQL's own rows of the catalogs against its manifest, and against what a policy has pinned. */
export async function checkBuiltin(lane: Lane, pinned: readonly PinnedRow[], report: Report): Promise<void> {
  await compare(lane, pinned, (difference, minors) => {
    const { how, wasPinned, actual } = difference;
    const unknown = wasPinned ? "the row that the policy has pinned" : `the row of PostgreSQL ${minors}`;
    report({
      check: "catalog_changed",
      expected: how === "added" ? "no such row" : how === "duplicate" ? "one row" : unknown,
      actual,
      message: describeDifference(difference),
    });
  });
}

/**
 * The rows of PostgreSQL's own catalogs that are others on this server, or not as they were pinned: what
 * `audit-chain policy --pin-server` pins and `--diff` says.
 *
 * @throws VerifierError `server_unknown`
 */
export async function compareServer(sql: Sql, pinned: readonly PinnedRow[]): Promise<readonly ServerDifference[]> {
  const differences: ServerDifference[] = [];
  await withSnapshot(
    sql,
    async ([lane]) => await compare(lane, pinned, (difference) => differences.push(difference)),
  );
  return differences;
}

/** A difference as a sentence. */
export function describeDifference({ catalog, key, what, how, wasPinned }: ServerDifference): string {
  const row = `${catalog}, row ${key}`;
  switch (how) {
    case "changed":
      return wasPinned
        ? `${what} is not as the policy has pinned it any more (${row})`
        : `${what} is not PostgreSQL's own any more (${row})`;
    case "missing":
      return wasPinned
        ? `${what} has gone, which the policy has pinned (${row})`
        : `${what} of PostgreSQL's own has gone (${row})`;
    case "added":
      return `${what} was added among PostgreSQL's own (${row})`;
    case "duplicate":
      return `${what} is there twice (${row})`;
  }
}

async function compare(
  lane: Lane,
  pinned: readonly PinnedRow[],
  report: (difference: ServerDifference, minors: string) => void,
): Promise<void> {
  const { manifest } = await lane.catalog();
  const minors = manifest.minors.join(" and ");
  const comparison = new BuiltinComparison(manifest, pinned, (difference) => report(difference, minors));
  await readBuiltin(
    lane,
    manifest,
    (catalog, key) => comparison.isKnown(catalog, key),
    (row) => comparison.take(row),
  );
  comparison.finish();
}
