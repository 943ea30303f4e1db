import document from "./manifest.json" with { type: "json" };

/** A function as it has to be. What a reader does not need to see in full is a hash: the text stands in the migration. */
export interface FunctionShape {
  readonly arguments: readonly string[];
  readonly returns: string;
  /** Language, volatility and so on, as `CREATE FUNCTION` says them. */
  readonly attributes: string;
  readonly settings: readonly string[];
  readonly owner: string;
  /** SHA-256 of the source's text, in hex. */
  readonly source: string;
  /** By grantee, without the owner: privileges as the letters of an access control list. */
  readonly grants: Readonly<Record<string, readonly string[]>>;
}

/** A table or sequence as it has to be. */
export interface RelationShape {
  readonly kind: string;
  readonly storage: string;
  readonly owner: string;
  readonly columns: Readonly<Record<string, string>>;
  readonly constraints: Readonly<Record<string, string>>;
  readonly indexes: Readonly<Record<string, string>>;
  readonly triggers: Readonly<Record<string, string>>;
  /** Row security, policies, rules, inheritance: none of our tables has any. */
  readonly extras: readonly string[];
  readonly grants: Readonly<Record<string, readonly string[]>>;
}

/** The schema after one migration. */
export interface SchemaShape {
  /** By signature, as `name(type, type)`. */
  readonly functions: Readonly<Record<string, FunctionShape>>;
  readonly relations: Readonly<Record<string, RelationShape>>;
  /** What a set-up without superuser grants to whoever runs it, beyond `grants`: by function or relation. */
  readonly installer: Readonly<Record<string, readonly string[]>>;
}

/** Expected definitions. They come with the verifier: the database is never asked what is right. */
export interface Manifest {
  /** By the id of the newest migration that the database has. */
  readonly migrations: Readonly<Record<string, SchemaShape>>;
}

/** Made from the migrations by `make/manifest.ts`; a test makes it again and compares. */
export const MANIFEST: Manifest = document;
