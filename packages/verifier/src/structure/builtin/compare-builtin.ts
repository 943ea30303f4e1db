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
  /** By catalog and key. */
  readonly #rows: ReadonlyMap<string, Map<string, Allowed>>;
  readonly #pinned = new Set<string>();
  readonly #seen = new Set<string>();
  readonly #repeated = new Set<string>();
  readonly #report: (difference: ServerDifference) => void;

  constructor(manifest: BuiltinManifest, pinned: readonly PinnedRow[], report: (difference: ServerDifference) => void) {
    this.#report = report;
    this.#rows = new Map(BUILTIN_CATALOGS.map(({ name }) => [name, allowedRows(manifest, name)]));
    for (const { catalog, key, hash } of pinned) {
      this.#pinned.add(`${catalog} ${key}`);
      this.#rows.get(catalog)?.set(key, [hash]);
    }
  }

  /** Whether there should be a row with this key. */
  isKnown(catalog: string, key: string): boolean {
    return this.#rows.get(catalog)?.has(key) === true;
  }

  take(row: BuiltinRow): void {
    const { catalog, key, hash, what } = row;
    const allowed = this.#rows.get(catalog)?.get(key);
    const difference = (how: ServerDifference["how"]) =>
      this.#report({
        catalog,
        key,
        hash,
        what,
        how,
        wasPinned: this.#pinned.has(`${catalog} ${key}`),
        actual: row.values(),
      });
    if (allowed === undefined) {
      if (row.isReserved) difference("added");
      return;
    }
    const place = `${catalog} ${key}`;
    if (!this.#seen.has(place)) {
      this.#seen.add(place);
      if (!allowed.includes(hash)) difference("changed");
    } else if (!this.#repeated.has(place)) {
      this.#repeated.add(place);
      difference("duplicate");
    }
  }

  /**
   * To be called when all rows have been taken.
   *
   * @param read the catalogs that were read: of others nothing is missing
   */
  finish(read: ReadonlySet<string>): void {
    for (const [catalog, rows] of this.#rows) {
      if (!read.has(catalog)) continue;
      for (const [key, allowed] of rows) {
        if (this.#seen.has(`${catalog} ${key}`) || allowed.includes(null)) continue;
        const noun = BUILTIN_CATALOGS.find(({ name }) => name === catalog)?.noun ?? "row";
        this.#report({
          catalog,
          key,
          hash: null,
          what: `the ${noun} ${key}`,
          how: "missing",
          wasPinned: this.#pinned.has(`${catalog} ${key}`),
          actual: "no such row",
        });
      }
    }
  }
}

/** The hashes that a row may have; null where it may be missing. */
type Allowed = readonly (string | null)[];

function allowedRows(manifest: BuiltinManifest, catalog: string): Map<string, Allowed> {
  const optional = new Set(manifest.optional[catalog]);
  return new Map(
    Object.entries(manifest.rows[catalog] ?? {}).map(([key, hashes]) => [
      key,
      [...(typeof hashes === "string" ? [hashes] : hashes), ...(optional.has(key) ? [null] : [])],
    ]),
  );
}
