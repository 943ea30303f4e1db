import type { ReportFinding } from "@scidex/audit-reader";
import type { Catalog, RelationRow } from "../catalog/catalog.ts";
import { type AuditedTable, nameOf, partitionsOf } from "./audited-tables.ts";

/** What a publication can leave out, for people. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  pubinsert: "inserts",
  pubupdate: "updates",
  pubdelete: "deletions",
  pubtruncate: "truncations",
  filter: "rows outside a filter",
  columns: "columns outside a list",
};

/**
 * Whether all that is written into a table of the mode `stream` is sent to the capture process, with the rows of before. What
 * was otherwise for a moment only capture can tell, which watches the versions of these rows.
 *
 * @returns warnings
 */
export function comparePublished(
  catalog: Catalog,
  { config, relation }: AuditedTable,
  report: ReportFinding,
): string[] {
  if (config.mode !== "stream") return [];
  const changed = (message: string, expected: string, actual: string) =>
    report({ check: "relation_changed", eventKind: config.kind, expected, actual, message });
  const sent = catalog.published.filter((row) => row.relation === relation.oid);
  if (!sent.some(({ without }) => without.length === 0))
    changed(
      `not all that is written into ${config.relation} is sent to the capture process: run audit-chain attach ${config.relation}`,
      "in a publication of ours, which sends everything",
      sent.length === 0
        ? "in none"
        : sent
            .map(
              ({ publication, without }) =>
                `${publication} without ${without.map((what) => LEFT_OUT[what]).join(", ")}`,
            )
            .join("; "),
    );
  for (const { publication } of sent.filter(({ viaRoot }) => viaRoot))
    changed(
      `the publication ${publication} sends partitions of ${config.relation} under the name of the whole: a TRUNCATE of one sends nothing`,
      "publish_via_partition_root = false",
      "true",
    );
  const partitions = relation.kind === "p" ? partitionsOf(catalog, relation.oid) : [];
  for (const leaf of partitions)
    for (const { publication, left } of ownPlaces(catalog, leaf).filter((place) => place.left.length > 0))
      changed(
        `not all that is written into ${nameOf(catalog, leaf)} is sent to the capture process: run audit-chain attach ${config.relation}`,
        "in a publication of ours, which sends everything",
        `${publication} without ${left.map((what) => LEFT_OUT[what]).join(", ")}`,
      );
  const warnings: string[] = [];
  for (const leaf of [relation, ...partitions]) {
    if (leaf.kind !== "r") continue;
    if (leaf !== relation && leaf.replicaIdentity === "f" && ownPlaces(catalog, leaf).length === 0)
      warnings.push(
        `${nameOf(catalog, leaf)} is sent as a part of the whole alone, so that somebody could filter its rows for a moment, and nobody would see it: run audit-chain attach ${config.relation}`,
      );
    if (leaf.replicaIdentity === "f") continue;
    // One that came later has not got it yet. Of one that had it, capture says that it was taken away.
    if (leaf === relation)
      changed(
        `${config.relation} does not send what its rows were before a change: run audit-chain attach ${config.relation}`,
        "REPLICA IDENTITY FULL",
        IDENTITIES[leaf.replicaIdentity] ?? leaf.replicaIdentity,
      );
    else
      warnings.push(
        `${nameOf(catalog, leaf)} does not send what its rows were before a change, so that this is not compared: run audit-chain sync`,
      );
  }
  return warnings;
}

/** The places that a partition has by itself in publications of ours, with what is left out of its rows there. */
const ownPlaces = (catalog: Catalog, leaf: RelationRow) =>
  catalog.published
    .filter(({ relation }) => relation === leaf.oid)
    .map(({ publication, without }) => ({
      publication,
      left: without.filter((what) => what === "filter" || what === "columns"),
    }));

const IDENTITIES: Readonly<Record<string, string>> = { d: "the primary key", i: "an index", n: "nothing" };
