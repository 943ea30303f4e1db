import postgres from "postgres";
import { BUILTIN_CATALOGS, type BuiltinManifest, withSnapshot } from "@scidex/audit-reader";
import { BuiltinComparison, type ServerDifference } from "../src/structure/builtin/compare-builtin.ts";
import { readBuiltin } from "../src/structure/builtin/read-builtin.ts";

/** PostgreSQL's own rows on one server that nobody has touched. */
export interface BuiltinDescription {
  readonly major: number;
  /** Such as `18.4`. */
  readonly minor: string;
  readonly catalogs: BuiltinManifest["catalogs"];
  /** By catalog and key: the row's hash. */
  readonly rows: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** Reads the catalogs of a fresh server, as a superuser. */
export async function describeBuiltin(url: string): Promise<BuiltinDescription> {
  const sql = postgres(url, { max: 2, onnotice: () => {} });
  try {
    const [server] = await sql<{ version: string; major: number }[]>`
      select split_part(current_setting('server_version'), ' ', 1) as version,
             current_setting('server_version_num')::int / 10000 as major`;
    const columns = await sql<{ catalog: string; oid: number; columns: string[] }[]>`
      select c.relname as catalog, c.oid::int,
             array_agg(a.attname || ' ' || t.typname order by a.attnum)::text[] as columns
        from pg_class as c join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 join pg_type as t on t.oid = a.atttypid
       where c.relnamespace = 'pg_catalog'::regnamespace and c.relkind = 'r' and c.oid < 10000
       group by c.relname, c.oid order by c.relname collate "C"`;
    const catalogs = Object.fromEntries(
      columns.map(({ catalog, oid, columns }) => [catalog, [oid, ...columns] as const]),
    );
    const rows = new Map(BUILTIN_CATALOGS.map(({ name }) => [name, new Map<string, string>()]));
    await withSnapshot(sql, async ([lane]) => {
      await readBuiltin(
        lane,
        { catalogs },
        () => false,
        ({ catalog, key, hash }) => {
          const keys = rows.get(catalog);
          if (keys?.has(key) !== false) throw new Error(`${catalog} has two rows ${key}`);
          keys.set(key, hash);
        },
        async (_, read) => await read(),
      );
    });
    return { major: server?.major ?? 0, minor: server?.version ?? "", catalogs, rows };
  } finally {
    await sql.end();
  }
}

/** What the manifest says otherwise than this server, in words. */
export function differencesOf(manifest: BuiltinManifest, description: BuiltinDescription): string[] {
  const found: string[] = [];
  if (JSON.stringify(manifest.catalogs) !== JSON.stringify(description.catalogs))
    found.push("the columns of the catalogs are others");
  const report = ({ catalog, key, how }: ServerDifference) => found.push(`${catalog} ${key}: ${how}`);
  const comparison = new BuiltinComparison(manifest, [], report);
  for (const [catalog, keys] of description.rows)
    for (const [key, hash] of keys)
      comparison.take({ catalog, key, hash, isReserved: true, what: () => "", values: () => "" });
  comparison.finish(new Set(description.rows.keys()));
  return found;
}

/** One manifest of several servers of a major version: a row that not all have is optional. */
export function mergeDescriptions(descriptions: readonly BuiltinDescription[]): BuiltinManifest {
  const layouts = new Set(descriptions.map(({ catalogs }) => JSON.stringify(catalogs)));
  const [first] = descriptions;
  if (first === undefined || layouts.size !== 1)
    throw new Error("expected servers whose catalogs have the same columns");
  const rows: Record<string, Record<string, string | string[]>> = {};
  const optional: Record<string, string[]> = {};
  for (const { name } of BUILTIN_CATALOGS) {
    const tables = descriptions.map((description) => description.rows.get(name) ?? new Map<string, string>());
    const keys = [...new Set(tables.flatMap((table) => [...table.keys()]))].toSorted(byNumbers);
    rows[name] = Object.fromEntries(
      keys.map((key) => {
        const hashes = [...new Set(tables.flatMap((table) => table.get(key) ?? []))];
        return [key, hashes.length === 1 ? (hashes[0] ?? "") : hashes];
      }),
    );
    const missing = keys.filter((key) => !tables.every((table) => table.has(key)));
    if (missing.length > 0) optional[name] = missing;
  }
  const minors = [...new Set(descriptions.map(({ minor }) => minor))].toSorted(byNumbers);
  return { minors, catalogs: first.catalogs, rows, optional };
}

const byNumbers = (a: string, b: string): number => a.localeCompare(b, "en", { numeric: true });
