import { FIRST_UNPINNED_OID } from "@scidex/audit-reader";
import { type Catalog, findRelation } from "../structure/catalog/catalog.ts";

/** The access method of plain indexes; its oid is built in. */
const BTREE = "403";

/**
 * The chain's unique index over kind and key, by oid; null where there is none that compares by the server's own functions: to
 * look for a key in it runs them.
 */
export function keyIndexOf(catalog: Catalog): string | null {
  const chain = findRelation(catalog, catalog.place.schema, "audit_chain");
  const there = findRelation(catalog, catalog.place.schema, "audit_chain_event_key");
  const index = catalog.indexes.find((one) => one.index === there?.oid && one.relation === chain?.oid);
  if (index === undefined || there?.accessMethod !== BTREE || !index.isValid) return null;
  if (index.hasExpressions || index.hasPredicate || index.keyColumns !== 2) return null;
  return index.classes.every((oid) => Number(oid) > 0 && Number(oid) < FIRST_UNPINNED_OID) ? index.index : null;
}
