import { blindKey, CoreError, sha256, toHex } from "@scidex/audit-core";
import { compareBytes } from "./byte-order.ts";
import { Cursor } from "./cursor.ts";
import { type SourceRow, type SourceTable, streamSource } from "./read-source.ts";
import { readShape } from "./shape.ts";
import type { Lane } from "./snapshot.ts";

/** How much is kept of a table at a time: rows, and characters of their texts. */
export const BLINDED_DEFAULTS = { rows: 50_000, characters: 2 ** 24 } as const;

/** The secret of a kind whose keys are blinded, 32 bytes; null where there is none. Refused without the right to read it. */
export async function readSecret(lane: Lane, kind: string): Promise<Uint8Array | null> {
  const shape = await readShape(lane, "public", "audit_chain_secret");
  if (shape === null) return null;
  const rows = Cursor.binary(await lane.scan(shape, ["event_kind", "secret"], "binary"), 2, ([name, secret]) => ({
    kind: name?.toString("utf8"),
    secret,
  }));
  let found: Uint8Array | null = null;
  while ((await rows.next()) !== undefined) {
    const { current } = rows;
    if (current?.kind === kind && current.secret?.length === 32)
      found = Uint8Array.prototype.slice.call(current.secret);
  }
  return found;
}

/**
 * The rows of a table in the order of their blinded keys, which only we can compute: the server cannot sort by them. The
 * table is read in as many passes as it takes to keep no more than a part of it at a time; each pass takes the next keys.
 * Rows without a key come first.
 */
export function readBlindedSource(
  lane: Lane,
  table: SourceTable,
  key: string,
  columns: readonly string[],
  secret: Uint8Array,
  bounds: { readonly rows: number; readonly characters: number } = BLINDED_DEFAULTS,
): Cursor<SourceRow> {
  let from: string | null = "";
  return new Cursor(async () => {
    if (from === null) return undefined;
    const part = new Part(from, bounds);
    const rows = Cursor.text(await streamSource(lane, table, key, columns), (fields) => fields);
    while ((await rows.next()) !== undefined) {
      const [plain = null, ...texts] = rows.current ?? [];
      part.push(plain === null ? null : blinded(secret, plain), texts);
    }
    from = part.end;
    return part
      .rows()
      .map(({ key, texts }) => ({ key, texts: new Map(columns.map((column, i) => [column, texts[i] ?? null])) }));
  });
}

/** A key that is longer than any, or is no text, has no event: what stands for it is none's. */
function blinded(secret: Uint8Array, key: string): string {
  try {
    return blindKey(secret, key);
  } catch (error) {
    if (!(error instanceof CoreError)) throw error;
    return toHex(sha256(key.toWellFormed()));
  }
}

interface PartRow {
  readonly key: string | null;
  readonly texts: readonly (string | null)[];
}

/** The rows with the lowest keys from `from` on, as many as fit. */
class Part {
  readonly #from: string;
  readonly #bounds: { readonly rows: number; readonly characters: number };
  #end: string | null = null;
  #rows: PartRow[] = [];
  #characters = 0;

  constructor(from: string, bounds: { readonly rows: number; readonly characters: number }) {
    this.#from = from;
    this.#bounds = bounds;
  }

  /** Where the next part begins; null where this is the last. */
  get end(): string | null {
    return this.#end;
  }

  push(key: string | null, texts: readonly (string | null)[]): void {
    const place = key ?? "";
    if (place < this.#from || (this.#end !== null && place >= this.#end)) return;
    this.#rows.push({ key, texts });
    this.#characters += texts.reduce((sum, text) => sum + (text?.length ?? 0), 64);
    if (this.#rows.length > this.#bounds.rows || (this.#characters > this.#bounds.characters && this.#rows.length > 1))
      this.#shrink();
  }

  rows(): PartRow[] {
    return this.#rows.toSorted((a, b) => compareBytes(a.key ?? "", b.key ?? ""));
  }

  /** Leaves the upper half to later parts. */
  #shrink(): void {
    const sorted = this.rows();
    const lowest = sorted[0]?.key ?? "";
    const middle = sorted[sorted.length >> 1]?.key ?? "";
    const end = middle === lowest ? sorted.find(({ key }) => (key ?? "") > lowest)?.key : middle;
    // Rows of one key alone that are more than fit: its constraints are gone. Two of them are enough to be found out.
    if (end == null) this.#rows = sorted.slice(0, 2);
    else {
      this.#end = end;
      this.#rows = sorted.filter(({ key }) => (key ?? "") < end);
    }
    this.#characters = this.#rows.reduce(
      (sum, { texts }) => sum + texts.reduce((rest, text) => rest + (text?.length ?? 0), 64),
      0,
    );
  }
}
