import { migrate } from "@scidex/audit-schema";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { withSnapshot } from "@scidex/audit-reader";
import type { Catalog } from "../src/structure/catalog/catalog.ts";
import { describeSchema } from "../src/structure/describe/describe-schema.ts";
import { interestOf } from "../src/structure/check-structure.ts";
import type { SchemaShape } from "../src/structure/manifest.ts";
import { readCatalog } from "../src/structure/catalog/read-catalog.ts";

/** For the manifest: a fresh database, described. */
export interface Description {
  /** Id of the newest migration. */
  readonly version: number;
  readonly schema: SchemaShape;
}

const INSTALLER = "manifest_installer";

/**
 * Sets up the audit chain on a server that has nothing of it, as a role that is no superuser, and describes the result:
 * what that role was granted beyond a superuser's set-up is what remains under `installer`.
 *
 * @param url a superuser of a server made for this; its database gets the audit chain
 */
export async function describeDatabase(url: string): Promise<Description> {
  const admin = postgres(url, { max: 2, onnotice: () => {} });
  try {
    await admin.unsafe(`create role ${INSTALLER} login createrole password 'manifest'`);
    await admin.unsafe(`grant create on schema public to ${INSTALLER} with grant option`);
    const address = new URL(url);
    address.username = INSTALLER;
    address.password = "manifest";
    const installer = postgres(address.href, { max: 1, onnotice: () => {} });
    let version: number;
    try {
      ({ version } = await migrate(drizzle(installer)));
    } finally {
      await installer.end();
    }
    const catalog = await withSnapshot(
      admin,
      async ([lane]) => await readCatalog(lane, interestOf(new Map(), lane.place), async (_, read) => await read()),
    );
    return { version, schema: describe(catalog) };
  } finally {
    await admin.end();
  }
}

function describe(catalog: Catalog): SchemaShape {
  const live = describeSchema(catalog);
  const installer: Record<string, readonly string[]> = {};
  const withoutInstaller = <T extends { readonly grants: Readonly<Record<string, readonly string[]>> }>(
    shapes: ReadonlyMap<string, T>,
  ): Record<string, T> =>
    Object.fromEntries(
      [...shapes]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, shape]) => {
          const { [INSTALLER]: extra, ...grants } = shape.grants;
          if (extra !== undefined) installer[name] = extra;
          return [name, { ...shape, grants }];
        }),
    );
  return {
    functions: withoutInstaller(live.functions),
    relations: withoutInstaller(live.relations),
    installer,
  };
}
