import { createHash } from "node:crypto";
import { type Config, CONFIG_KIND, type KindHistory, splitRelation } from "../../coverage/config.ts";
import type { TablePolicy } from "../../coverage/table-policy.ts";
import { type Catalog, findRelation, type RelationRow } from "../catalog/catalog.ts";

/** How the names of capture functions begin. */
export const CAPTURE_PREFIX = "audit_chain_capture_";

/** Name of a kind's capture function, as `audit_chain_capture_name` makes it. */
export const captureName = (kind: string): string =>
  `${CAPTURE_PREFIX}${createHash("sha256").update(kind).digest("hex").slice(0, 16)}`;

/** The configurations of tables; that of the configuration itself is in the manifest. */
export const ofTables = (histories: ReadonlyMap<string, KindHistory>): KindHistory[] =>
  [...histories.values()].filter(({ kind }) => kind !== CONFIG_KIND);

/** Signatures of the capture functions that may be there: detached tables keep theirs. */
export const captureSignatures = (histories: ReadonlyMap<string, KindHistory>): ReadonlySet<string> =>
  new Set(ofTables(histories).map(({ kind }) => `${captureName(kind)}()`));

/** An audited table, and what a policy says of it. */
export interface AuditedTable {
  readonly config: Config;
  readonly relation: RelationRow;
  readonly pinned: TablePolicy | undefined;
}

/** Oids of the tables that are audited now, and of their partitions and children. */
export function auditedRelations(catalog: Catalog, histories: ReadonlyMap<string, KindHistory>): ReadonlySet<string> {
  return new Set(
    ofTables(histories).flatMap(({ current }) => {
      const place = current.action === "detach" ? null : splitRelation(current.relation);
      const relation = place === null ? undefined : findRelation(catalog, place.schema, place.name);
      return relation === undefined ? [] : [relation, ...partitionsOf(catalog, relation.oid)].map(({ oid }) => oid);
    }),
  );
}

export const nameOf = (catalog: Catalog, relation: RelationRow): string =>
  `${catalog.schemas.get(relation.schema)?.name ?? ""}.${relation.name}`;

/** All partitions of a relation, sub-partitions included. */
export function partitionsOf(catalog: Catalog, oid: string): RelationRow[] {
  const tree = new Set([oid]);
  for (const parent of tree) for (const i of catalog.inheritance) if (i.parent === parent) tree.add(i.child);
  tree.delete(oid);
  return [...tree].flatMap((child) => catalog.relations.get(child) ?? []);
}
