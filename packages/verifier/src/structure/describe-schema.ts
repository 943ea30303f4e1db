import type { Catalog, FunctionRow, RelationRow } from "./catalog.ts";
import { describeFunction, signature } from "./describe-function.ts";
import { describeRelation } from "./describe-relation.ts";
import type { FunctionShape, RelationShape } from "./manifest.ts";

/** Names in the schema public that belong to the audit chain. */
export const OWN_PREFIX = "audit_chain";
/** Where everything of ours is. */
export const OWN_SCHEMA = "public";

const isOwn = (schema: string | undefined, name: string) => schema === OWN_SCHEMA && name.startsWith(OWN_PREFIX);

/** Our tables and sequences: indexes go with their tables. */
export function ownRelations(catalog: Catalog): RelationRow[] {
  return [...catalog.relations.values()].filter(
    (r) => isOwn(catalog.schemas.get(r.schema)?.name, r.name) && "rpvmfS".includes(r.kind),
  );
}

export function ownFunctions(catalog: Catalog): FunctionRow[] {
  return [...catalog.functions.values()].filter((f) => isOwn(catalog.schemas.get(f.schema)?.name, f.name));
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
