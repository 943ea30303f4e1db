import { BUILTIN_CATALOGS, type BuiltinManifest } from "@scidex/audit-reader";
import type { PinnedRow } from "../../coverage/policy.ts";
import type { BuiltinRow } from "./builtin-row.ts";

/** A row that is not what the manifest or the policy says. */
export interface ServerDifference extends PinnedRow {
  /** What the row is, such as `the cast from int4 to oid`. */
  readonly what: string;
  readonly how: "changed" | "missing" | "added" | "duplicate";
  /** Whether the policy has a pinned row of this key, which was another. */
  readonly wasPinned: boolean;
  /** The live row in words; `no such row`. */
  readonly actual: string;
}

/**
 * Compares PostgreSQL's own rows with its manifest. Rows come in one by one, differences go out:
 *
 * - a row that differs; a minor release newer than the manifest has such rows too, and they have to be pinned;
 * - a row that is missing and not optional;
 * - a second row of one key;
 * - a row that somebody added at an OID that only initdb assigns.
 */
export class BuiltinComparison {
  readonly #rows: ReadonlyMap<string, CatalogRows>;
  readonly #report: (difference: ServerDifference) => void;

  constructor(manifest: BuiltinManifest, pinned: readonly PinnedRow[], report: (difference: ServerDifference) => void) {
    this.#report = report;
    this.#rows = new Map(
      BUILTIN_CATALOGS.map(({ name }) => [
        name,
        {
          known: new Map(Object.entries(manifest.rows[name] ?? {})),
          optional: new Set(manifest.optional[name]),
          pinned: new Map(pinned.filter(({ catalog }) => catalog === name).map(({ key, hash }) => [key, hash])),
          times: new Map<string, number>(),
        },
      ]),
    );
  }

  /** Whether there should be a row with this key. */
  isKnown(catalog: string, key: string): boolean {
    const rows = this.#rows.get(catalog);
    return rows !== undefined && (rows.known.has(key) || rows.pinned.has(key));
  }

  take(row: BuiltinRow): void {
    const { catalog, key, hash } = row;
    const rows = this.#rows.get(catalog);
    const difference = (how: ServerDifference["how"]) =>
      this.#report({
        catalog,
        key,
        hash,
        what: row.what(),
        how,
        wasPinned: rows?.pinned.has(key) === true,
        actual: row.values(),
      });
    if (rows === undefined || !this.isKnown(catalog, key)) {
      if (row.isReserved) difference("added");
      return;
    }
    const times = (rows.times.get(key) ?? 0) + 1;
    rows.times.set(key, times);
    if (times === 1 && !mayBe(rows, key, hash)) difference("changed");
    if (times === 2) difference("duplicate");
  }

  /**
   * To be called when all rows have been taken.
   *
   * @param read the catalogs that were read: of others nothing is missing
   */
  finish(read: ReadonlySet<string>): void {
    for (const [catalog, rows] of this.#rows) {
      if (!read.has(catalog)) continue;
      for (const key of new Set([...rows.known.keys(), ...rows.pinned.keys()])) {
        if (rows.times.has(key) || mayBe(rows, key, null)) continue;
        const noun = BUILTIN_CATALOGS.find(({ name }) => name === catalog)?.noun ?? "row";
        this.#report({
          catalog,
          key,
          hash: null,
          what: `the ${noun} ${key}`,
          how: "missing",
          wasPinned: rows.pinned.has(key),
          actual: "no such row",
        });
      }
    }
  }
}

/** What one catalog should have, and what was seen of it. */
interface CatalogRows {
  /** By key, the hash that a row may have, or several. */
  readonly known: ReadonlyMap<string, string | readonly string[]>;
  /** Keys of rows that may be missing. */
  readonly optional: ReadonlySet<string>;
  /** Hashes that the policy has pinned instead; null where the row has to be missing. */
  readonly pinned: ReadonlyMap<string, string | null>;
  /** How many rows of each key there were. */
  readonly times: Map<string, number>;
}

/** Whether a row may have this hash; null for whether there may be no row. */
function mayBe({ known, optional, pinned }: CatalogRows, key: string, hash: string | null): boolean {
  const pin = pinned.get(key);
  if (pin !== undefined) return hash === pin;
  if (hash === null) return optional.has(key);
  const hashes = known.get(key);
  return typeof hashes === "string" ? hashes === hash : hashes?.includes(hash) === true;
}
