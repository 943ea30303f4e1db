import { VerifierError } from "../../finding/errors.ts";
import { TYPE_OIDS } from "../catalog/type-functions.ts";
import type { Relation } from "../relation.ts";

/**
 * PostgreSQL's own rows of one major version, as `initdb` makes them: `14.json` to `18.json`, made by
 * `packages/verifier/make/builtin.ts` from the oldest and the newest minor that npm has.
 */
export interface BuiltinManifest {
  /** The minor versions that it was made from, such as `18.0`, oldest first. */
  readonly minors: readonly string[];
  /**
   * Every catalog of pg_catalog, by name: its OID, then its columns in the order of `attnum`, each `name type`.
   */
  readonly catalogs: Readonly<Record<string, readonly [oid: number, ...columns: string[]]>>;
  /** By catalog and key, a row's hash (`hashRow`); several where minors or platforms differ. */
  readonly rows: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
  /** By catalog, the keys of rows that only some minors or platforms have. */
  readonly optional: Readonly<Record<string, readonly string[]>>;
}

/** The major versions of PostgreSQL that there is a manifest of, oldest first. */
export const KNOWN_MAJORS = [14, 15, 16, 17, 18] as const;
export type KnownMajor = (typeof KNOWN_MAJORS)[number];

// One at a time is needed, and each is some 250 kB.
const LOADERS: Readonly<Record<KnownMajor, () => Promise<{ readonly default: unknown }>>> = {
  14: async () => await import("./14.json", { with: { type: "json" } }),
  15: async () => await import("./15.json", { with: { type: "json" } }),
  16: async () => await import("./16.json", { with: { type: "json" } }),
  17: async () => await import("./17.json", { with: { type: "json" } }),
  18: async () => await import("./18.json", { with: { type: "json" } }),
};

export async function loadBuiltinManifest(major: KnownMajor): Promise<BuiltinManifest> {
  return (await LOADERS[major]()).default as BuiltinManifest;
}

/**
 * The manifest of a server's major version.
 *
 * @throws {VerifierError} `server_unknown` where there is none: its catalogs cannot be read
 */
export async function manifestOf(majorVersion: number): Promise<BuiltinManifest> {
  const major = KNOWN_MAJORS.find((known) => known === majorVersion);
  if (major !== undefined) return await loadBuiltinManifest(major);
  throw new VerifierError(
    "server_unknown",
    `PostgreSQL ${majorVersion} is not known to this release, which has the catalogs of ${KNOWN_MAJORS.join(", ")}: update the verifier`,
  );
}

/** A column of a catalog. */
export interface CatalogColumn {
  readonly name: string;
  /** The type's name, as pg_type has it. */
  readonly type: string;
}

/** The columns of a catalog in the order of `attnum`, which starts at 1 and has no gaps. */
export function columnsOf(manifest: Pick<BuiltinManifest, "catalogs">, catalog: string): readonly CatalogColumn[] {
  const [, ...columns] = manifest.catalogs[catalog] ?? [0];
  return columns.map((column) => {
    const at = column.indexOf(" ");
    return { name: column.slice(0, at), type: column.slice(at + 1) };
  });
}

/** A catalog as it is scanned: its OID and the `attnum` of each column are built into every server of the version. */
export function catalogRelation(manifest: Pick<BuiltinManifest, "catalogs">, catalog: string): Relation {
  const [oid = 0] = manifest.catalogs[catalog] ?? [];
  const columns = columnsOf(manifest, catalog);
  return {
    schema: "pg_catalog",
    name: catalog,
    oid,
    attributes: new Map(columns.map(({ name }, i) => [name, i + 1])),
    types: new Map(columns.map(({ name, type }) => [name, TYPE_OIDS[type] ?? 0])),
  };
}
