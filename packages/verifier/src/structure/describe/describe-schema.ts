import { type Catalog, type FunctionRow, type RelationRow, roleName } from "../catalog/catalog.ts";
import { describeFunction, signature } from "./describe-function.ts";
import { describeRelation } from "./describe-relation.ts";
import type { FunctionShape, RelationShape, SchemaShape } from "../manifest.ts";
import { ownerRole } from "../catalog/own-roles.ts";

/** Names in the chain's schema that belong to it. */
export const OWN_PREFIX = "audit_chain";

/** Our tables and sequences: one of these names is compared whoever owns it. */
const OWN_RELATIONS: ReadonlySet<string> = new Set([
  "audit_chain",
  "audit_chain_config",
  "audit_chain_lock",
  "audit_chain_migrations",
  "audit_chain_pending",
  "audit_chain_pending_id_seq",
  "audit_chain_relation",
  "audit_chain_ticket",
]);

const isOwn = ({ schemas, place }: Catalog, schema: string, name: string) =>
  schemas.get(schema)?.name === place.schema && name.startsWith(OWN_PREFIX);

/**
 * Our tables and sequences: indexes go with their tables. Before PostgreSQL 15 everyone may make tables in `public`, and
 * one that only begins like ours is not ours.
 */
export function ownRelations(catalog: Catalog): RelationRow[] {
  return [...catalog.relations.values()].filter(
    (r) =>
      isOwn(catalog, r.schema, r.name) &&
      "rpvmfS".includes(r.kind) &&
      (OWN_RELATIONS.has(r.name) || roleName(catalog, r.owner) === ownerRole(catalog)),
  );
}

export function ownFunctions(catalog: Catalog): FunctionRow[] {
  return [...catalog.functions.values()].filter((f) => isOwn(catalog, f.schema, f.name));
}

/** The live schema in the form of the manifest. */
export function describeSchema(catalog: Catalog): {
  functions: Map<string, FunctionShape>;
  relations: Map<string, RelationShape>;
} {
  return {
    functions: new Map(ownFunctions(catalog).map((f) => [signature(catalog, f), describeFunction(catalog, f)])),
    relations: new Map(ownRelations(catalog).map((r) => [r.name, describeRelation(catalog, r)])),
  };
}

const bareName = (of: string): string => of.slice(0, of.indexOf("("));

/**
 * Functions of somebody who chose a name that begins like ours, which before PostgreSQL 15 everyone may do in `public`:
 * none of ours, and no finding. One that has the very name of one of ours is not meant: a call can find it instead.
 */
export function foreignFunctions(
  catalog: Catalog,
  manifest: SchemaShape,
  live: ReadonlyMap<string, FunctionShape>,
): ReadonlySet<string> {
  const trusted = new Set([ownerRole(catalog)]);
  for (const role of catalog.roles.values()) if (role.isSuperuser) trusted.add(role.name);
  const ours = new Set(Object.keys(manifest.functions).map(bareName));
  return new Set(
    [...live].flatMap(([name, { owner }]) => (trusted.has(owner) || ours.has(bareName(name)) ? [] : [name])),
  );
}
