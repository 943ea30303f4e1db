import { BinaryCopyDecoder } from "../copy/copy-binary.ts";
import { VerifierError } from "../../finding/errors.ts";
import type { Scanner } from "../scanner.ts";
import { type BuiltinManifest, catalogRelation, columnsOf } from "../builtin/builtin-manifest.ts";
import { fieldText } from "./field-text.ts";
import type { Column } from "../relation.ts";

/** One row of a catalog: the texts of the columns asked for, by their places. Valid while the row is being decoded. */
export interface Fields {
  readonly [place: number]: string | null;
}

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
  const row = new LazyRow(
    known.length,
    columns.map((column) => ({ place: known.indexOf(column), type: typeOf(column) ?? "text" })),
  );
  return await lane.attempt(async (attempt) => {
    const decoder = new BinaryCopyDecoder(known.length);
    const chunks = await attempt.scan(catalogRelation(manifest, catalog), known, "binary");
    const rows: T[] = [];
    for (let piece = await chunks.next(); piece.done !== true; piece = await chunks.next()) {
      decoder.pushBytes(piece.value, (data, from) => {
        row.set(data, from);
        const decoded = decode(row.fields);
        if (decoded !== null) rows.push(decoded);
      });
    }
    if (!decoder.ended) throw new VerifierError("protocol", `the server broke off in the middle of ${catalog}`);
    return rows;
  });
}

/** A row whose fields become texts when they are asked for: most rows of most catalogs are passed over. */
class LazyRow {
  readonly fields: Fields = {};
  readonly #starts: Int32Array;
  #data: Buffer = Buffer.alloc(0);

  /**
   * @param known how many fields a row has
   * @param columns the types of the columns asked for and their places among the fields, -1 for one that is always NULL
   */
  constructor(known: number, columns: readonly { readonly place: number; readonly type: string }[]) {
    this.#starts = new Int32Array(known);
    for (const [i, { place, type }] of columns.entries()) {
      const get = () => (place === -1 ? null : fieldText(this.#field(place), type));
      Object.defineProperty(this.fields, i, { get });
    }
  }

  /** Goes to a row whose fields begin here, each behind its length. */
  set(data: Buffer, from: number): void {
    this.#data = data;
    let at = from;
    for (let i = 0; i < this.#starts.length; i++) {
      this.#starts[i] = at;
      at += 4 + Math.max(data.readInt32BE(at), 0);
    }
  }

  #field(place: number): Buffer | null {
    const start = this.#starts[place] ?? 0;
    const length = this.#data.readInt32BE(start);
    return length === -1 ? null : this.#data.subarray(start + 4, start + 4 + length);
  }
}

export const text = (fields: Fields, at: number): string => fields[at] ?? "";
export const flag = (fields: Fields, at: number): boolean => fields[at] === "t";
/** Of an int2vector or oidvector. */
export const words = (fields: Fields, at: number): string[] => text(fields, at).split(" ").filter(Boolean);
