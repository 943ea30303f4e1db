import type { CatalogWatch, CheckGroup, Lane, Snapshot } from "@scidex/audit-reader";
import { checkAccess } from "../access/check-access.ts";
import type { Crew } from "../bulk/crew.ts";
import { splitRelation } from "../coverage/config.ts";
import type { Policy } from "../coverage/policy.ts";
import type { Histories } from "../coverage/read-histories.ts";
import { checkBuiltin } from "../structure/builtin/check-builtin.ts";
import type { Catalog } from "../structure/catalog/catalog.ts";
import { readCatalog } from "../structure/catalog/read-catalog.ts";
import { checkServer, checkStructure, interestOf, type StructureSeen } from "../structure/check-structure.ts";
import { CONFIG, type Noted } from "./noted.ts";
import type { Configuration } from "./own-tables.ts";

/** Reads what the audited tables are made of, all at once, and proves how their types are sent. */
export async function proveTypes(lane: Lane, histories: Histories, watch: CatalogWatch): Promise<void> {
  const catalog = await lane.catalog();
  const relations: string[] = [];
  for (const { current } of histories.values()) {
    const place = splitRelation(current.relation);
    const relation = place === null ? undefined : catalog.relation(place.schema, place.name);
    if (relation !== undefined) relations.push(...catalog.treeOf(relation.oid));
  }
  await catalog.need(lane, relations);
  await watch.prove(catalog, catalog.typesOf(relations));
}

/**
 * Compares PostgreSQL's own rows of the catalogs with what they have to be, whatever was asked for: nothing is read but
 * through these.
 */
export async function checkServerRows(lane: Lane, policy: Policy | null, noted: Noted): Promise<void> {
  const pinned = policy?.server ?? [];
  if (!noted.wants("structure")) {
    await checkBuiltin(lane, pinned, noted.reportAlways, async (_, read) => await read());
    return;
  }
  const { unproven, isTransient } = await checkServer(lane, pinned, noted.reportAlways);
  for (const reason of unproven) noted.cannot(reason, "structure");
  noted.mayPass({ isTransient });
}

/**
 * Compares the rest of the catalog with what it has to be, where that is asked for. Returns it where it was read.
 *
 * @param given.isFirst whether the chain's indexes are counted: of several shards the first does so
 */
export async function checkCatalog(
  snapshot: Snapshot,
  configuration: Promise<Configuration>,
  { policy, isFirst }: { readonly policy: Policy | null; readonly isFirst: boolean },
  noted: Noted,
): Promise<Pick<StructureSeen, "catalog" | "replaced">> {
  if (!noted.wants("structure")) return { catalog: null, replaced: new Set() };
  const read = await noted.orNull(CONFIG, ["structure"], async () => await configuration);
  const structure = await checkStructure(snapshot, read?.histories ?? null, noted.report, policy, {
    countsIndexes: isFirst,
  });
  for (const reason of structure.unproven) noted.cannot(reason, "structure");
  noted.warn(structure.warnings);
  noted.mayPass({ isTransient: structure.isTransient });
  return structure;
}

/**
 * Whether applications get the rows that the chain knows.
 *
 * @param known the catalog, where it was read
 */
export async function checkApplications(
  snapshot: Snapshot,
  crew: Crew,
  configuration: Promise<Configuration>,
  known: Catalog | null,
  noted: Noted,
): Promise<void> {
  if (!noted.wants("access")) return;
  const started = performance.now();
  const read = await noted.orNull(CONFIG, ["access"], async () => await configuration);
  if (read === null) return;
  const { histories } = read;
  const catalog = known ?? (await readTables(snapshot[0], histories, "access", noted));
  if (catalog === null) return;
  const access = await checkAccess(snapshot, crew, catalog, histories, noted.report);
  for (const reason of access.unproven) noted.cannot(reason, "access");
  noted.warn(access.warnings);
  noted.mayPass(access);
  noted.saw({ accessMs: performance.now() - started });
}

/** The catalog without its functions, by which nobody gets at rows. */
export async function readTables(
  lane: Lane,
  histories: Histories,
  group: CheckGroup,
  noted: Noted,
): Promise<Catalog | null> {
  return await noted.orNull(
    "the catalog",
    [group],
    async () =>
      await lane.attempt(
        async (attempt) =>
          await readCatalog(
            attempt,
            { ...interestOf(histories, attempt.place), functions: false },
            async (_, read) => await read(),
          ),
      ),
  );
}
