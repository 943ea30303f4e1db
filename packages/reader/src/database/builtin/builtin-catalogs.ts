/**
 * Which catalogs are compared with PostgreSQL's own rows, and by which columns.
 *
 * Compared is whatever decides one of these:
 *
 * - which code runs under a builtin name;
 * - how a value is read, written, compared and converted;
 * - what a catalog's own columns and indexes are, and what the views of pg_catalog show.
 *
 * Not compared:
 *
 * - What the server only looks at where a compared row says so: pg_trigger, pg_policy, pg_attrdef, pg_inherits and
 *   pg_constraint of a catalog (`relhastriggers`, `relrowsecurity`, `atthasdef`, `relhassubclass`, `relchecks`).
 * - information_schema: nothing of ours goes through it, and its rules name objects by OIDs that depend on how many
 *   collations the operating system has. Those collations, likewise.
 * - Text search, extensions, publications, foreign data: neither capture nor the verifier runs them.
 * - Row types of relations and the schema public, which is its owner's.
 *
 * Of a row, rights, owners, statistics, costs, storage and comments are left out: lawful use changes them.
 */
export interface BuiltinCatalog {
  /** In pg_catalog. */
  readonly name: string;
  /** What a row is, for people. */
  readonly noun: string;
  /** The OID column by which a row is PostgreSQL's own: the row's own OID, or that of the relation or object it is part of. */
  readonly of: string;
  /** The columns that tell one row from another. `oid` only where PostgreSQL never gives another to the same object. */
  readonly key: readonly string[];
  /** Where a row at a generated OID has a name by which it is known instead; null where there are no schemas. */
  readonly named?: { readonly namespace: string | null; readonly name: string };
  /** Whether initdb makes rows at generated OIDs that differ from server to server, so that they are not compared. */
  readonly isOpen?: true;
  /** Catalogs that columns refer to: for names in messages, and because rows at generated OIDs are known by name. */
  readonly refers?: Readonly<Record<string, string>>;
  /** The column with a row's name, for messages. */
  readonly label?: string;
  /** Columns that are not compared. */
  readonly leftOut: readonly string[];
}

/**
 * In the order of reading: what later ones refer to stands first, and the catalogs' own columns, since a catalog whose
 * column was renamed cannot be read.
 */
export const BUILTIN_CATALOGS: readonly BuiltinCatalog[] = [
  {
    name: "pg_namespace",
    noun: "schema",
    of: "oid",
    key: ["oid"],
    isOpen: true,
    label: "nspname",
    leftOut: ["nspowner", "nspacl"],
  },
  {
    name: "pg_class",
    noun: "relation",
    of: "oid",
    key: ["oid"],
    named: { namespace: "relnamespace", name: "relname" },
    label: "relname",
    leftOut: [
      "reltype",
      "relowner",
      "relfilenode",
      "reltablespace",
      "relpages",
      "reltuples",
      "relallvisible",
      "relallfrozen",
      "relfrozenxid",
      "relminmxid",
      "relacl",
      "reloptions",
    ],
  },
  {
    name: "pg_attribute",
    noun: "column",
    of: "attrelid",
    key: ["attrelid", "attnum"],
    refers: { attrelid: "pg_class" },
    leftOut: [
      "attstattarget",
      "attcacheoff",
      "attstorage",
      "attcompression",
      "attacl",
      "attoptions",
      "attfdwoptions",
      "attmissingval",
    ],
  },
  {
    name: "pg_type",
    noun: "type",
    of: "oid",
    key: ["oid"],
    isOpen: true,
    label: "typname",
    leftOut: ["typowner", "typacl"],
  },
  {
    name: "pg_proc",
    noun: "function",
    of: "oid",
    key: ["oid"],
    // What runs PL/pgSQL, which an upgrade or CREATE EXTENSION makes anew.
    named: { namespace: "pronamespace", name: "proname" },
    label: "proname",
    leftOut: ["proowner", "procost", "prorows", "proacl"],
  },
  {
    name: "pg_index",
    noun: "index",
    // Not of the index: one that somebody puts on a catalog has a new OID.
    of: "indrelid",
    key: ["indexrelid"],
    refers: { indexrelid: "pg_class", indrelid: "pg_class" },
    leftOut: ["indisclustered", "indcheckxmin", "indisreplident"],
  },
  {
    name: "pg_rewrite",
    noun: "rule",
    of: "ev_class",
    key: ["ev_class", "rulename"],
    refers: { ev_class: "pg_class" },
    leftOut: ["oid"],
  },
  {
    name: "pg_range",
    noun: "range type",
    of: "rngtypid",
    key: ["rngtypid"],
    refers: { rngtypid: "pg_type" },
    leftOut: [],
  },
  {
    name: "pg_aggregate",
    noun: "aggregate",
    of: "aggfnoid",
    key: ["aggfnoid"],
    refers: { aggfnoid: "pg_proc" },
    leftOut: [],
  },
  {
    name: "pg_language",
    noun: "language",
    of: "oid",
    key: ["oid"],
    named: { namespace: null, name: "lanname" },
    refers: { lanplcallfoid: "pg_proc", laninline: "pg_proc", lanvalidator: "pg_proc" },
    label: "lanname",
    leftOut: ["lanowner", "lanacl"],
  },
  { name: "pg_am", noun: "access method", of: "oid", key: ["oid"], label: "amname", leftOut: [] },
  { name: "pg_operator", noun: "operator", of: "oid", key: ["oid"], label: "oprname", leftOut: ["oprowner"] },
  { name: "pg_opfamily", noun: "operator family", of: "oid", key: ["oid"], label: "opfname", leftOut: ["opfowner"] },
  {
    name: "pg_opclass",
    noun: "operator class",
    of: "oid",
    key: ["opcmethod", "opcname", "opcnamespace"],
    refers: { opcmethod: "pg_am", opcnamespace: "pg_namespace" },
    leftOut: ["oid", "opcowner"],
  },
  {
    name: "pg_amop",
    noun: "operator of an operator family",
    of: "oid",
    key: ["amopfamily", "amoplefttype", "amoprighttype", "amopstrategy"],
    refers: { amopfamily: "pg_opfamily", amoplefttype: "pg_type", amoprighttype: "pg_type" },
    leftOut: ["oid"],
  },
  {
    name: "pg_amproc",
    noun: "function of an operator family",
    of: "oid",
    key: ["amprocfamily", "amproclefttype", "amprocrighttype", "amprocnum"],
    refers: { amprocfamily: "pg_opfamily", amproclefttype: "pg_type", amprocrighttype: "pg_type" },
    leftOut: ["oid"],
  },
  {
    name: "pg_cast",
    noun: "cast",
    of: "oid",
    key: ["castsource", "casttarget"],
    refers: { castsource: "pg_type", casttarget: "pg_type" },
    leftOut: ["oid"],
  },
  { name: "pg_conversion", noun: "conversion", of: "oid", key: ["oid"], label: "conname", leftOut: ["conowner"] },
  {
    name: "pg_collation",
    noun: "collation",
    of: "oid",
    key: ["oid"],
    isOpen: true,
    label: "collname",
    // Its version is the operating system's.
    leftOut: ["collowner", "collversion"],
  },
];
