import { type KindHistory, splitRelation } from "../../coverage/config.ts";
import { isBuiltin, type ReportFinding } from "@scidex/audit-reader";
import type { Policy } from "../../coverage/policy.ts";
import { type Catalog, findRelation } from "../catalog/catalog.ts";
import { auditedRelations, CAPTURE_PREFIX, captureSignatures } from "./audited-tables.ts";
import { compareAudited } from "./compare-audited.ts";
import { compareOverloads } from "./compare-overloads.ts";
import { compareTypes, type UsedType } from "./compare-types.ts";
import { compareFunctions } from "./compare-functions.ts";
import { comparePrivileges } from "./compare-privileges.ts";
import { compareRelations } from "./compare-relations.ts";
import { compareLoginTriggers } from "./compare-login-triggers.ts";
import { compareReplicaSettings, compareShadows, type Found, maskedSettings } from "./compare-shadows.ts";
import { describeSchema, foreignFunctions, ownRelations } from "../describe/describe-schema.ts";
import type { SchemaShape } from "../manifest.ts";
import { Reach } from "../catalog/reach.ts";

/** What could not be judged, and what an operator should know. */
export interface StructureResult {
  readonly unproven: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Compares a catalog with what it has to be. Pure: catalog, manifest and configuration come in, findings go out.
 *
 * @param schema the manifest of the database's migration; null where there is none, so that only what does not depend
 *   on it is compared
 * @param histories the configuration; null where it could not be read, so that the audited tables are not known
 * @param policy what the verifier was told to expect, where it was
 */
export function compareStructure(
  catalog: Catalog,
  schema: SchemaShape | null,
  histories: ReadonlyMap<string, KindHistory> | null,
  policy: Policy | null,
  report: ReportFinding,
): StructureResult {
  const warnings: string[] = [];
  const unproven: string[] = [];
  const reach = new Reach(catalog);
  compareOverloads(catalog, report);
  if (schema !== null) {
    const live = describeSchema(catalog);
    const captures = histories === null ? null : captureSignatures(histories);
    for (const name of foreignFunctions(catalog, schema, live.functions)) live.functions.delete(name);
    const isCapture = (signature: string) => captures?.has(signature) ?? signature.startsWith(CAPTURE_PREFIX);
    compareFunctions(catalog.place, schema, live.functions, isCapture, report);
    compareRelations(catalog, schema, live.relations, report);
    if (histories !== null) {
      const tables = compareAudited(catalog, schema, live.functions, histories, policy, report);
      warnings.push(...tables.warnings);
      unproven.push(...tables.unproven);
    }
    const relations = auditedRelations(catalog, histories ?? new Map<string, KindHistory>());
    warnings.push(...comparePrivileges(catalog, schema, live, relations, reach, report).warnings);
  }
  const audited = [...(histories?.values() ?? [])].flatMap(
    ({ kind, current }): (Found & { columns: readonly string[] })[] => {
      const place = current.action === "detach" ? null : splitRelation(current.relation);
      if (place === null) return [];
      return [{ ...place, kind, known: current.present, columns: [...current.columns, ...current.keyColumns] }];
    },
  );
  const types = compareTypes(catalog, usedTypes(catalog, audited), report);
  compareShadows(catalog, audited, reach, report);
  warnings.push(...compareReplicaSettings(catalog, report));
  const logins = compareLoginTriggers(catalog, audited, reach, policy, report);
  return {
    unproven: [...unproven, ...types.unproven, ...maskedSettings(catalog), ...logins],
    warnings: [...warnings, ...types.warnings],
  };
}

/** The types of all columns of ours, and of the hashed columns of audited tables. */
function usedTypes(
  catalog: Catalog,
  audited: readonly (Found & { readonly columns: readonly string[] })[],
): UsedType[] {
  const own = new Map(ownRelations(catalog).map((relation) => [relation.oid, relation.name]));
  const tables = new Map(
    audited.flatMap((table) => {
      const relation = findRelation(catalog, table.schema, table.name);
      return relation === undefined ? [] : [[relation.oid, table] as const];
    }),
  );
  return catalog.columns.flatMap((column): UsedType[] => {
    const ownName = own.get(column.relation);
    if (ownName !== undefined)
      return [{ type: column.type, column: `${catalog.place.schema}.${ownName}.${column.name}`, kind: undefined }];
    const table = tables.get(column.relation);
    if (table?.columns.includes(column.name) !== true || isBuiltin(column.relation)) return [];
    return [{ type: column.type, column: `${table.schema}.${table.name}.${column.name}`, kind: table.kind }];
  });
}
