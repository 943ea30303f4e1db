import { BinaryCopyDecoder } from "../copy/copy-binary.ts";
import { VerifierError } from "../../finding/errors.ts";
import type { Scanner } from "../scanner.ts";
import { type BuiltinManifest, catalogRelation, columnsOf } from "../builtin/builtin-manifest.ts";
import { fieldText } from "./field-text.ts";
import type { Column } from "../relation.ts";

/** One row of a catalog: the texts of the columns asked for. */
export type Fields = readonly (string | null)[];

/**
 * Reads columns of one catalog, row by row: what `decode` returns of each is kept, but null. Where a version does not have a
 * column, it is NULL.
 *
 * @param manifest where the catalogs of the server's version are
 */
export async function readCatalogRows<T>(
  lane: Scanner,
  manifest: Pick<BuiltinManifest, "catalogs">,
  catalog: string,
  columns: readonly Column[],
  decode: (fields: Fields) => T | null,
): Promise<T[]> {
  const types = new Map(columnsOf(manifest, catalog).map(({ name, type }) => [name, type]));
  types.set("xmin", "xid");
  const typeOf = (column: Column): string | undefined =>
    typeof column === "string" ? types.get(column) : types.has(column.slice) ? "text" : undefined;
  const known = columns.filter((column) => typeOf(column) !== undefined);
  const places = columns.map((column) => known.indexOf(column));
  return await lane.attempt(async (attempt) => {
    const decoder = new BinaryCopyDecoder(known.length);
    const chunks = await attempt.scan(catalogRelation(manifest, catalog), known, "binary");
    const rows: T[] = [];
    for (let piece = await chunks.next(); piece.done !== true; piece = await chunks.next()) {
      decoder.push(piece.value, (fields) => {
        const row = decode(
          columns.map((column, i) => fieldText(fields[places[i] ?? -1] ?? null, typeOf(column) ?? "text")),
        );
        if (row !== null) rows.push(row);
      });
    }
    if (!decoder.ended) throw new VerifierError("protocol", `the server broke off in the middle of ${catalog}`);
    return rows;
  });
}

export const text = (fields: Fields, at: number): string => fields[at] ?? "";
export const flag = (fields: Fields, at: number): boolean => fields[at] === "t";
/** Of an int2vector or oidvector. */
export const words = (fields: Fields, at: number): string[] => text(fields, at).split(" ").filter(Boolean);
