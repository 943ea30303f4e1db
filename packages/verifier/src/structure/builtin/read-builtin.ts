import {
  BinaryCopyDecoder,
  BUILTIN_CATALOGS,
  type BuiltinManifest,
  type CatalogColumn,
  catalogRelation,
  type Column,
  columnsOf,
  type Lane,
  VerifierError,
} from "@scidex/audit-reader";
import type { OrNull } from "../catalog/read-rows.ts";
import { type BuiltinRow, RowDecoder, RowNames } from "./builtin-row.ts";

/**
 * Reads PostgreSQL's own rows of each compared catalog: bare columns of the catalog in a binary COPY, no function, no
 * condition. A row is handed on and dropped: however much others have put into the catalogs, no more than one row of
 * theirs is held.
 *
 * @param manifest where the catalogs and their columns are
 * @param isKnown whether a row of this catalog with this key is wanted, whatever its OID is
 * @param orNull takes note of a catalog that may not or cannot be read: the others are read all the same
 * @returns the catalogs that were read
 */
export async function readBuiltin(
  lane: Lane,
  manifest: Pick<BuiltinManifest, "catalogs">,
  isKnown: (catalog: string, key: string) => boolean,
  take: (row: BuiltinRow) => void,
  orNull: OrNull,
): Promise<ReadonlySet<string>> {
  const read = new Set<string>();
  const names = new RowNames();
  for (const catalog of BUILTIN_CATALOGS) {
    const { name, refers = {} } = catalog;
    // Without the names of what its rows refer to, some would have other keys.
    if (Object.values(refers).some((other) => !read.has(other))) continue;
    const rows = new RowDecoder(catalog, columnsOf(manifest, name), names);
    const scan = async (attempt: Lane): Promise<void> => {
      const columns = rows.columns.map(bounded);
      const decoder = new BinaryCopyDecoder(columns.length);
      const chunks = await attempt.scan(catalogRelation(manifest, name), columns, "binary");
      for (let piece = await chunks.next(); piece.done !== true; piece = await chunks.next()) {
        decoder.push(piece.value, (fields) => {
          const row = rows.decode(fields, (key) => isKnown(name, key));
          if (row !== null) take(row);
        });
      }
      if (!decoder.ended) throw new VerifierError("protocol", `the server broke off in the middle of ${name}`);
      read.add(name);
    };
    await orNull(name, async () => await lane.attempt(scan));
  }
  return read;
}

/** A column that is of any length in rows of others: all of it in PostgreSQL's own, whose texts are far shorter. */
function bounded({ name, type }: CatalogColumn): Column {
  if (type === "text") return { slice: name, of: "text" };
  if (type === "pg_node_tree") return { slice: name, of: "tree" };
  // Of PostgreSQL's own functions none has settings.
  return name === "proconfig" ? { slice: name, of: "array" } : name;
}
