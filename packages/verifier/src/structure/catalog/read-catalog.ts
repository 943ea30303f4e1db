import {
  type Column,
  flag,
  isBuiltin,
  type Lane,
  parseArrayText,
  readCatalogRows,
  text,
  words,
} from "@scidex/audit-reader";
import type { Catalog, RelationRow } from "./catalog.ts";
import { acl, type OrNull, type ReadRows, rights } from "./read-rows.ts";
import { readPublished } from "./read-published.ts";
import { readRelationParts } from "./read-relation-parts.ts";
import { readRoles } from "./read-roles.ts";

const byOid = <T extends { readonly oid: string }>(rows: readonly T[]) => new Map(rows.map((row) => [row.oid, row]));
const names = (rows: readonly { oid: string; name: string }[]) => new Map(rows.map(({ oid, name }) => [oid, name]));

/** The strategy of a btree's family that is equality, and the method's oid. */
const EQUALITY = "3";
const BTREE = "403";

/** Which relations are looked at in detail. */
export interface Interest {
  /** Relations of ours, which are compared with the manifest down to the expressions. */
  readonly own: (schema: string, name: string) => boolean;
  /** Audited tables. */
  readonly audited: (schema: string, name: string) => boolean;
  /** Whether functions are looked at; they are where nothing is said. */
  readonly functions?: boolean;
}

/**
 * Reads the catalog in the lane's snapshot: bare columns of one catalog at a time. Filters and joins are done here, so that
 * nothing of the server's is trusted but its tables and the functions by which they are sent.
 */
export async function readCatalog(lane: Lane, interest: Interest, orNull: OrNull): Promise<Catalog> {
  const { manifest } = await lane.catalog();
  const { majorVersion, place } = lane;
  const read: ReadRows = async (catalog, columns, decode) =>
    await readCatalogRows(lane, manifest, catalog, columns, decode);
  const schemas = byOid(
    await read("pg_namespace", ["oid", "nspname", rights("nspacl"), "nspowner"], (f) => ({
      oid: text(f, 0),
      name: text(f, 1),
      acl: acl(f, 2),
      owner: text(f, 3),
    })),
  );
  const relations = byOid(await readRelations(read));
  const inheritance = await read("pg_inherits", ["inhrelid", "inhparent"], (f) => ({
    child: text(f, 0),
    parent: text(f, 1),
  }));
  const types = byOid(await readTypes(read));
  const own = new Set<string>();
  const audited = new Set<string>();
  for (const relation of relations.values()) {
    const schema = schemas.get(relation.schema)?.name ?? "";
    if (interest.own(schema, relation.name)) own.add(relation.oid);
    if (interest.audited(schema, relation.name)) audited.add(relation.oid);
  }
  for (const oid of audited) for (const { child, parent } of inheritance) if (parent === oid) audited.add(child);
  const [database] = await read("pg_database", ["oid", "datname", rights("datacl"), "datdba"], (f) =>
    text(f, 1) === lane.database ? { oid: text(f, 0), name: text(f, 1), acl: acl(f, 2), owner: text(f, 3) } : null,
  );
  return {
    majorVersion,
    place,
    database,
    schemas,
    relations,
    inheritance,
    types,
    ...(await readRoles(lane, read, orNull)),
    functions: interest.functions === false ? new Map() : byOid(await readFunctions(read)),
    languages: names(await readNames(read, "pg_language", "lanname")),
    accessMethods: names(await readNames(read, "pg_am", "amname")),
    collations: names(await readNames(read, "pg_collation", "collname")),
    operatorClasses: new Map(
      await read(
        "pg_opclass",
        ["oid", "opcname", "opcnamespace", "opcfamily", "opcintype"],
        (f) => [text(f, 0), { name: text(f, 1), schema: text(f, 2), family: text(f, 3), type: text(f, 4) }] as const,
      ),
    ),
    equalities: new Map(
      await read(
        "pg_amop",
        ["amopfamily", "amoplefttype", "amoprighttype", "amopstrategy", "amopopr", "amopmethod"],
        (f) =>
          text(f, 1) === text(f, 2) && text(f, 3) === EQUALITY && text(f, 5) === BTREE
            ? ([`${text(f, 0)} ${text(f, 1)}`, text(f, 4)] as const)
            : null,
      ),
    ),
    ...(await readRelationParts(read, { own, audited, types })),
    published: await readPublished(read),
    loginTriggers: await read("pg_event_trigger", ["evtname", "evtfoid", "evtevent", "evtenabled"], (f) =>
      text(f, 2) === "login" && "OA".includes(text(f, 3)) ? { name: text(f, 0), function: text(f, 1) } : null,
    ),
    sessionUser: lane.parameters["session_authorization"] ?? "",
  };
}

const readNames = async (read: ReadRows, catalog: string, name: string) =>
  await read(catalog, ["oid", name], (f) => ({ oid: text(f, 0), name: text(f, 1) }));

async function readRelations(read: ReadRows): Promise<RelationRow[]> {
  const columns = [
    "oid",
    "relname",
    "relnamespace",
    "relkind",
    "relpersistence",
    "relowner",
    "relam",
    "relreplident",
    "relrowsecurity",
    "relforcerowsecurity",
    "relispartition",
    rights("relacl"),
    "relhastriggers",
    "relhasindex",
    "relchecks",
  ];
  return await read("pg_class", columns, (f) => ({
    oid: text(f, 0),
    name: text(f, 1),
    schema: text(f, 2),
    kind: text(f, 3),
    persistence: text(f, 4),
    owner: text(f, 5),
    accessMethod: text(f, 6),
    replicaIdentity: text(f, 7),
    rowSecurity: flag(f, 8) || flag(f, 9),
    isPartition: flag(f, 10),
    acl: acl(f, 11),
    hasTriggers: flag(f, 12),
    hasIndexes: flag(f, 13),
    checks: Number(text(f, 14)),
  }));
}

async function readFunctions(read: ReadRows) {
  const columns: Column[] = [
    "oid",
    "proname",
    "pronamespace",
    "proowner",
    "prolang",
    "prokind",
    "prosecdef",
    "proleakproof",
    "proisstrict",
    "proretset",
    "provolatile",
    "proparallel",
    "prorettype",
    "proargtypes",
    "proallargtypes",
    "proargmodes",
    "proargnames",
    {
      slice: "prosrc",
      of: "text",
    } as const,
    {
      slice: "probin",
      of: "text",
    } as const,
    {
      slice: "prosqlbody",
      of: "tree",
    } as const,
    "prosupport",
    "protrftypes",
    {
      slice: "proconfig",
      of: "array",
    } as const,
    rights("proacl"),
    {
      slice: "proargdefaults",
      of: "tree",
    } as const,
  ];
  return await read("pg_proc", columns, (f) => {
    // Of our own functions only: others may be as many and as long as their owners like.
    const isOwn = text(f, 1).startsWith("audit_chain") && !isBuiltin(text(f, 0));
    return {
      oid: text(f, 0),
      name: text(f, 1),
      schema: text(f, 2),
      owner: text(f, 3),
      language: text(f, 4),
      kind: text(f, 5),
      securityDefiner: flag(f, 6),
      leakproof: flag(f, 7),
      strict: flag(f, 8),
      returnsSet: flag(f, 9),
      volatility: text(f, 10),
      parallel: text(f, 11),
      returns: text(f, 12),
      argumentTypes: words(f, 13),
      allTypes: isOwn ? (f[14] ?? null) : null,
      modes: isOwn ? (f[15] ?? null) : null,
      names: isOwn ? (f[16] ?? null) : null,
      source: isOwn ? text(f, 17) : "",
      library: isOwn ? (f[18] ?? null) : null,
      special: f[19] != null || text(f, 20) !== "0" || f[21] != null,
      settings: settingsOf(f[22] ?? null, isOwn),
      acl: acl(f, 23),
      defaults: isOwn ? (f[24] ?? null) : null,
    };
  });
}

/** Settings of a function: of those of others what can lead a session to other tables. */
function settingsOf(array: string | null, isOwn: boolean): string[] {
  if (array === null) return [];
  const settings = parseArrayText(array);
  return isOwn ? settings : settings.filter((one) => /^(?:search_path|session_replication_role)=/iu.test(one));
}

async function readTypes(read: ReadRows) {
  const subtypes = new Map<string, string>();
  await read("pg_range", ["rngtypid", "rngmultitypid", "rngsubtype"], (f) => {
    subtypes.set(text(f, 0), text(f, 2)).set(text(f, 1), text(f, 0));
    return null;
  });
  const columns = [
    "oid",
    "typname",
    "typnamespace",
    "typtype",
    "typcategory",
    "typinput",
    "typoutput",
    "typreceive",
    "typsend",
    "typelem",
    "typarray",
    "typbasetype",
    "typrelid",
  ];
  return await read("pg_type", columns, (f) => ({
    oid: text(f, 0),
    name: text(f, 1),
    schema: text(f, 2),
    kind: text(f, 3),
    category: text(f, 4),
    input: text(f, 5),
    output: text(f, 6),
    receive: text(f, 7),
    send: text(f, 8),
    element: text(f, 9),
    array: text(f, 10),
    base: text(f, 11),
    relation: text(f, 12),
    subtype: subtypes.get(text(f, 0)),
  }));
}
