import { atPlace, isDefaultPlace, type Place } from "@scidex/audit-core";
import { CONFIG_KIND, type KindHistory, splitRelation } from "../coverage/config.ts";
import {
  eachTuple,
  isRefused,
  isTransient,
  type Lane,
  reasonOf,
  type ReportFinding,
  type Snapshot,
} from "@scidex/audit-reader";
import type { PinnedRow, Policy } from "../coverage/policy.ts";
import { readShape } from "../coverage/shape.ts";
import { checkBuiltin } from "./builtin/check-builtin.ts";
import { checkOwnRows } from "./check-own-rows.ts";
import { type Catalog, findRelation } from "./catalog/catalog.ts";
import { compareCatalogIndexes } from "./compare/compare-catalog-indexes.ts";
import { compareStructure, type StructureResult } from "./compare/compare-structure.ts";
import { countByIndexes } from "./count-index.ts";
import { OWN_PREFIX } from "./describe/describe-schema.ts";
import { type Manifest, MANIFEST, type SchemaShape } from "./manifest.ts";
import { readCatalog } from "./catalog/read-catalog.ts";

/** The relation and function names that the structure check looks at in detail: ours, and the audited tables. */
export function interestOf(histories: ReadonlyMap<string, KindHistory>, place: Place) {
  const audited = new Set<string>();
  for (const { kind, current } of histories.values()) {
    const relation = kind === CONFIG_KIND ? null : splitRelation(current.relation);
    if (relation !== null) audited.add(JSON.stringify([relation.schema, relation.name]));
  }
  return {
    own: (schema: string, name: string) => schema === place.schema && name.startsWith(OWN_PREFIX),
    audited: (schema: string, name: string) => audited.has(JSON.stringify([schema, name])),
  };
}

/** What a look at the structure has seen beside findings. */
export interface StructureSeen {
  readonly isTransient: boolean;
  /** Null where it could not be read. */
  readonly catalog: Catalog | null;
  /** Kinds whose table is another than the one that was attached, which is elsewhere. */
  readonly replaced: ReadonlySet<string>;
}

/**
 * Reads what others than PostgreSQL have put into the catalog, and compares it with the manifest that comes with the verifier. What may not or
 * cannot be read is unproven, never a finding.
 *
 * @param histories the configuration in force; null where it could not be read
 * @param policy what the verifier was told to expect, where it was
 */
export async function checkStructure(
  snapshot: Snapshot,
  histories: ReadonlyMap<string, KindHistory> | null,
  report: ReportFinding,
  policy: Policy | null = null,
  {
    manifest = MANIFEST,
    countsIndexes = true,
  }: { readonly manifest?: Manifest; readonly countsIndexes?: boolean } = {},
): Promise<StructureResult & StructureSeen> {
  const [lane, second] = snapshot;
  const attempts = new Attempts();
  const applied = await attempts.orNull("the schema's version", async () => await readMigrations(lane));
  await attempts.orNull("the catalogs' indexes", async () => await compareCatalogIndexes(lane, report));
  const interest = interestOf(histories ?? new Map<string, KindHistory>(), lane.place);
  const catalog = await attempts.orNull(
    "the catalog",
    async () => await readCatalog(lane, interest, async (what, read) => await attempts.orNull(what, read)),
  );
  const warnings: string[] = [];
  let schema: SchemaShape | null = null;
  if (catalog !== null) {
    schema = schemaAt(chooseSchema(catalog, applied, manifest, attempts.unproven), lane.place);
    const result = compareStructure(catalog, schema, histories, policy, report);
    attempts.unproven.push(...result.unproven);
    warnings.push(...result.warnings);
  }
  const replaced = await attempts.orNull(
    "the audit chain's own tables",
    async () => await checkOwnRows(lane, schema !== null, catalog, histories, report),
  );
  const count = async () => (countsIndexes ? await countByIndexes(second, report) : []);
  const uncounted = await attempts.orNull("the chain's indexes", count);
  // An index may have been made anew since the snapshot, which cannot use it then.
  attempts.isTransient ||= uncounted !== null && uncounted.length > 0;
  return {
    unproven: [...attempts.unproven, ...(uncounted ?? [])],
    warnings,
    isTransient: attempts.isTransient,
    catalog,
    replaced: replaced ?? new Set(),
  };
}

/** Holds PostgreSQL's own rows of the catalogs against its manifest, and says what of them could not be read. */
export async function checkServer(
  lane: Lane,
  pinned: readonly PinnedRow[],
  report: ReportFinding,
): Promise<{ readonly unproven: readonly string[]; readonly isTransient: boolean }> {
  const attempts = new Attempts();
  await attempts.orNull(
    "PostgreSQL's own rows of the catalogs",
    async () => await checkBuiltin(lane, pinned, report, async (what, read) => await attempts.orNull(what, read)),
  );
  return attempts;
}

/** The manifest of another place. */
const schemaAt = (schema: SchemaShape | null, place: Place): SchemaShape | null =>
  isDefaultPlace(place) ? schema : (JSON.parse(atPlace(JSON.stringify(schema), place)) as SchemaShape | null);

/** Ids of the migrations that have been applied; null where there is no table of them. */
async function readMigrations(lane: Lane): Promise<string[] | null> {
  const table = await readShape(lane, lane.place.schema, "audit_chain_migrations");
  if (table === null) return null;
  return await lane.attempt(async (attempt) => {
    const ids: string[] = [];
    await eachTuple(await attempt.scan(table, ["id"], "binary"), 1, ([id]) => {
      ids.push(id?.length === 4 ? String(id.readInt32BE()) : "");
    });
    return ids;
  });
}

/** Reads what may be refused, and keeps the reasons. */
class Attempts {
  readonly unproven: string[] = [];
  isTransient = false;

  async orNull<T>(what: string, read: () => Promise<T>): Promise<T | null> {
    try {
      return await read();
    } catch (error) {
      if (!isRefused(error)) throw error;
      this.isTransient ||= isTransient(error);
      this.unproven.push(`${what} could not be read: ${reasonOf(error, "scidex_audit_inspector")}`);
      return null;
    }
  }
}

/** Which manifest the database is to be compared with: by its newest migration. Null, with a reason, where there is none. */
function chooseSchema(
  catalog: Catalog,
  applied: readonly string[] | null,
  manifest: Manifest,
  unproven: string[],
): SchemaShape | null {
  const newest = Math.max(...Object.keys(manifest.migrations).map(Number));
  if (applied === null) {
    // Without the table of migrations the database has no chain of ours: any manifest says that the table is missing.
    const isThere = findRelation(catalog, catalog.place.schema, "audit_chain_migrations") !== undefined;
    return isThere ? null : (manifest.migrations[String(newest)] ?? null);
  }
  const version = applied.map(Number).reduce((a, b) => (a > b ? a : b), -1);
  const schema = manifest.migrations[String(version)];
  if (schema !== undefined) return schema;
  unproven.push(
    version > newest
      ? `the schema is newer than the verifier: it has migration ${version}, and the verifier knows them up to ${newest}`
      : `the verifier has no manifest of migration ${version}`,
  );
  return null;
}
