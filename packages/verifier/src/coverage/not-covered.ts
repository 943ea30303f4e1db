import type { JoiningColumns, Lane } from "@scidex/audit-reader";
import { type Config, isDropped, splitRelation } from "./config.ts";
import { parseIsoDuration } from "./iso-duration.ts";
import type { Policy } from "./policy.ts";
import type { Histories } from "./read-histories.ts";

/** A column of an audited table that is neither covered nor excluded: nobody has taken it in yet. */
export interface NotCovered {
  readonly relation: string;
  readonly column: string;
  /** When it was first seen so, by the verifier's own state; ISO 8601. */
  readonly since: string;
}

/** How long a column may be left out where the policy does not say otherwise. */
export const JOINING_DEFAULT = "P1D";

/** Tables that are said to be dropped and are there, with the seq that says so. */
export async function readUndead(lane: Lane, histories: Histories): Promise<Config[]> {
  const catalog = await lane.catalog();
  const covered = new Set(
    [...histories.values()].flatMap(({ current }) => (isDropped(current) ? [] : [current.relation])),
  );
  return [...histories.values()].flatMap(({ current }) => {
    const place = splitRelation(current.relation);
    if (!isDropped(current) || place === null || covered.has(current.relation)) return [];
    return catalog.relation(place.schema, place.name) === undefined ? [] : [current];
  });
}

/** Such columns by relation, as the snapshot has them. */
export async function readNotCovered(
  lane: Lane,
  histories: Histories,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const catalog = await lane.catalog();
  const tables = [...histories.values()].flatMap(({ current }) => {
    const place = splitRelation(current.relation);
    const relation = place === null ? undefined : catalog.relation(place.schema, place.name);
    return relation === undefined || current.action === "detach" || current.id === 0n ? [] : [{ current, relation }];
  });
  await catalog.need(
    lane,
    tables.map(({ relation }) => relation.oid),
  );
  const left = new Map<string, readonly string[]>();
  for (const { current, relation } of tables) {
    const known = new Set([...current.columns, ...current.excluded]);
    const columns = catalog
      .attributesOf(relation.oid)
      .filter(({ name, isGenerated }) => !isGenerated && !known.has(name))
      .map(({ name }) => name);
    // One that was renamed is gone under its own name too: that is said of the table, with what to run.
    const gone = new Set(catalog.attributesOf(relation.oid).map(({ name }) => name));
    if (columns.length > 0 && current.columns.every((name) => gone.has(name))) left.set(current.relation, columns);
  }
  return left;
}

/**
 * Since when each is known to be left out.
 *
 * @param left null where that could not be read: then what is known stays
 * @param now milliseconds since the Unix epoch
 */
export function joiningSince(
  known: JoiningColumns,
  left: ReadonlyMap<string, readonly string[]> | null,
  now: number,
): JoiningColumns {
  if (left === null) return known;
  return new Map(
    [...left].map(([relation, columns]) => [
      relation,
      // A clock that was ahead once must not put the bound off.
      new Map(columns.map((column) => [column, Math.min(known.get(relation)?.get(column) ?? now, now)])),
    ]),
  );
}

/** The columns of a report, oldest first. */
export const notCoveredOf = (joining: JoiningColumns): NotCovered[] =>
  [...joining]
    .flatMap(([relation, columns]) =>
      [...columns].map(([column, since]) => ({ relation, column, since: new Date(since).toISOString() })),
    )
    .toSorted((a, b) => a.since.localeCompare(b.since));

/** Why tables are not proven: columns that have been left out for longer than the policy allows. */
export function overdueColumns(joining: JoiningColumns, policy: Policy | null, now: number): string[] {
  return [...joining].flatMap(([relation, columns]) => {
    const bound = policy?.tables.get(relation)?.joining ?? JOINING_DEFAULT;
    const late = [...columns].filter(([, since]) => now - since > (parseIsoDuration(bound) ?? 0)).map(([name]) => name);
    if (late.length === 0) return [];
    return [
      `${relation}: ${late.join(", ")} ${late.length === 1 ? "has" : "have"} not been covered for longer than ${bound}; run audit-chain sync, or at the end of a migration select audit_chain_sync('${relation.replaceAll("'", "''")}')`,
    ];
  });
}
