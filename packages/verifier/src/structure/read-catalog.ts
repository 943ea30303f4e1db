import { parseArrayText } from "../array-text.ts";
import { Cursor } from "../cursor.ts";
import type { Lane } from "../snapshot.ts";
import { parseAcl } from "./acl.ts";
import { type Catalog, isBuiltin, type RelationRow } from "./catalog.ts";
import { readRelationParts } from "./read-relation-parts.ts";
import { readRoles } from "./read-roles.ts";

/** One row of a text COPY. */
export type Fields = readonly (string | null)[];

/** Reads a query of pg_catalog's tables by COPY: as text, through the types' output functions and nothing else. */
export async function readRows<T>(lane: Lane, query: string, decode: (fields: Fields) => T | null): Promise<T[]> {
  return await lane.attempt(async (attempt) => {
    const cursor = Cursor.text(await attempt.copy(query, "text"), decode);
    const rows: T[] = [];
    for (;;) {
      if (!cursor.step()) await cursor.fill();
      const row = cursor.current;
      if (row === undefined) return rows;
      if (row !== null) rows.push(row);
    }
  });
}

export const text = (fields: Fields, at: number): string => fields[at] ?? "";
export const flag = (fields: Fields, at: number): boolean => fields[at] === "t";
/** Of an int2vector or oidvector. */
export const words = (fields: Fields, at: number): string[] => text(fields, at).split(" ").filter(Boolean);
export const acl = (fields: Fields, at: number) => (fields[at] == null ? null : parseAcl(text(fields, at)));

const byOid = <T extends { readonly oid: string }>(rows: readonly T[]) => new Map(rows.map((row) => [row.oid, row]));
const names = (rows: readonly { oid: string; name: string }[]) => new Map(rows.map(({ oid, name }) => [oid, name]));

/** Runs `read`; null where it is refused, after the reason has been taken note of. */
export type OrNull = <T>(what: string, read: () => Promise<T>) => Promise<T | null>;

/** Which relations are looked at in detail. */
export interface Interest {
  /** Relations of ours, which are compared with the manifest down to the expressions. */
  readonly own: (schema: string, name: string) => boolean;
  /** Audited tables. */
  readonly audited: (schema: string, name: string) => boolean;
}

/**
 * Reads the catalog in the lane's snapshot. Filters and joins are done here and not in SQL, so that hardly anything of
 * the server's is trusted: its tables, its output functions (compared afterwards) and a handful of builtin functions.
 */
export async function readCatalog(lane: Lane, interest: Interest, orNull: OrNull): Promise<Catalog> {
  const [version] = await lane.query<{ server_version_num: string }[]>`show server_version_num`;
  const serverVersion = Number(version?.server_version_num);
  const schemas = byOid(
    await readRows(lane, "select n.oid, n.nspname, n.nspacl, n.nspowner from pg_catalog.pg_namespace as n", (f) => ({
      oid: text(f, 0),
      name: text(f, 1),
      acl: acl(f, 2),
      owner: text(f, 3),
    })),
  );
  const relations = byOid(await readRelations(lane));
  const inheritance = await readRows(lane, "select i.inhrelid, i.inhparent from pg_catalog.pg_inherits as i", (f) => ({
    child: text(f, 0),
    parent: text(f, 1),
  }));
  const types = byOid(await readTypes(lane));
  const own = new Set<string>();
  const audited = new Set<string>();
  for (const relation of relations.values()) {
    const schema = schemas.get(relation.schema)?.name ?? "";
    if (interest.own(schema, relation.name)) own.add(relation.oid);
    if (interest.audited(schema, relation.name)) audited.add(relation.oid);
  }
  for (const oid of audited) for (const { child, parent } of inheritance) if (parent === oid) audited.add(child);
  const [database] = await readRows(
    lane,
    "select d.oid, d.datname, d.datacl, d.datdba from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database()",
    (f) => ({ oid: text(f, 0), name: text(f, 1), acl: acl(f, 2), owner: text(f, 3) }),
  );
  return {
    serverVersion,
    database,
    schemas,
    relations,
    inheritance,
    types,
    ...(await readRoles(lane, serverVersion, orNull)),
    functions: byOid(await readFunctions(lane)),
    languages: names(await readNames(lane, "select l.oid, l.lanname from pg_catalog.pg_language as l")),
    languageHandlers: new Map(
      await readRows(
        lane,
        "select l.oid, l.lanplcallfoid from pg_catalog.pg_language as l",
        (f) => [text(f, 0), text(f, 1)] as const,
      ),
    ),
    accessMethods: names(await readNames(lane, "select a.oid, a.amname from pg_catalog.pg_am as a")),
    collations: names(await readNames(lane, "select c.oid, c.collname from pg_catalog.pg_collation as c")),
    operatorClasses: new Map(
      await readRows(
        lane,
        "select o.oid, o.opcname, o.opcnamespace, o.opcfamily, o.opcintype, o.opcdefault, o.opcmethod from pg_catalog.pg_opclass as o",
        (f) =>
          [
            text(f, 0),
            {
              name: text(f, 1),
              schema: text(f, 2),
              family: text(f, 3),
              type: text(f, 4),
              isDefault: flag(f, 5),
              method: text(f, 6),
            },
          ] as const,
      ),
    ),
    ...(await readRelationParts(lane, { own, audited, types, serverVersion })),
    operators: await orNull("pg_operator", async () => await readOperators(lane)),
    operatorFamilies: await orNull("pg_amop and pg_amproc", async () => await readFamilies(lane)),
    aggregates: await orNull("pg_aggregate", async () => await readAggregates(lane)),
    loginTriggers: await readRows(
      lane,
      "select e.evtname, e.evtfoid, e.evtevent, e.evtenabled from pg_catalog.pg_event_trigger as e",
      (f) => (text(f, 2) === "login" && "OA".includes(text(f, 3)) ? { name: text(f, 0), function: text(f, 1) } : null),
    ),
    sessionUser: (await readRows(lane, "select session_user", (f) => text(f, 0)))[0] ?? "",
  };
}

const readNames = async (lane: Lane, query: string) =>
  await readRows(lane, query, (f) => ({ oid: text(f, 0), name: text(f, 1) }));

async function readRelations(lane: Lane): Promise<RelationRow[]> {
  return await readRows(
    lane,
    `select c.oid, c.relname, c.relnamespace, c.relkind, c.relpersistence, c.relowner, c.relam, c.relrowsecurity or c.relforcerowsecurity,
            c.relispartition, c.relacl, c.relhastriggers, c.relhasindex, c.relchecks
       from pg_catalog.pg_class as c`,
    (f) => ({
      oid: text(f, 0),
      name: text(f, 1),
      schema: text(f, 2),
      kind: text(f, 3),
      persistence: text(f, 4),
      owner: text(f, 5),
      accessMethod: text(f, 6),
      rowSecurity: flag(f, 7),
      isPartition: flag(f, 8),
      acl: acl(f, 9),
      hasTriggers: flag(f, 10),
      hasIndexes: flag(f, 11),
      checks: Number(text(f, 12)),
    }),
  );
}

async function readFunctions(lane: Lane) {
  const rows = await readRows(
    lane,
    `select p.oid, p.proname, p.pronamespace, p.proowner, p.prolang, p.prokind, p.prosecdef, p.proleakproof, p.proisstrict, p.proretset,
            p.provolatile, p.proparallel, p.prorettype, p.proargtypes, p.proallargtypes, p.proargmodes, p.proargnames, p.prosrc, p.probin,
            p.prosqlbody is not null or p.prosupport::pg_catalog.oid <> 0 or p.protrftypes is not null, p.proconfig, p.proacl
       from pg_catalog.pg_proc as p`,
    (f) => ({
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
      allTypes: f[14] ?? null,
      modes: f[15] ?? null,
      names: f[16] ?? null,
      source: text(f, 17),
      library: f[18] ?? null,
      special: flag(f, 19),
      settings: f[20] == null ? [] : parseArrayText(text(f, 20)),
      acl: acl(f, 21),
    }),
  );
  // Expressions are read of our own functions only: those of others may be changing at this moment.
  const own = rows.filter((row) => row.name.startsWith("audit_chain") && !isBuiltin(row.oid)).map((row) => row.oid);
  const defaults = new Map(
    await readRows(
      lane,
      `select p.oid, pg_catalog.pg_get_expr(p.proargdefaults, 0) from pg_catalog.pg_proc as p where p.oid in (${["0", ...own].join(", ")})`,
      (f) => [text(f, 0), f[1] ?? null] as const,
    ),
  );
  return rows.map((row) => ({ ...row, defaults: defaults.get(row.oid) ?? null }));
}

async function readTypes(lane: Lane) {
  const subtypes = new Map(
    (
      await readRows(lane, "select r.rngtypid, r.rngmultitypid, r.rngsubtype from pg_catalog.pg_range as r", (f) => f)
    ).flatMap((f) => [[text(f, 0), text(f, 2)] as const, [text(f, 1), text(f, 0)] as const]),
  );
  const oid = (column: string) => `t.${column}::pg_catalog.oid`;
  return await readRows(
    lane,
    `select t.oid, t.typname, t.typnamespace, t.typtype, t.typcategory, ${["typinput", "typoutput", "typreceive", "typsend"].map(oid).join(", ")},
            t.typelem, t.typbasetype, t.typrelid
       from pg_catalog.pg_type as t`,
    (f) => ({
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
      base: text(f, 10),
      relation: text(f, 11),
      subtype: subtypes.get(text(f, 0)),
    }),
  );
}

async function readOperators(lane: Lane) {
  return await readRows(
    lane,
    "select o.oid, o.oprname, o.oprnamespace, o.oprcode::pg_catalog.oid from pg_catalog.pg_operator as o",
    (f) => ({ oid: text(f, 0), name: text(f, 1), schema: text(f, 2), calls: [text(f, 3)] }),
  );
}

async function readFamilies(lane: Lane) {
  const member = (what: "operator" | "function") => (f: Fields) => ({
    what,
    family: text(f, 0),
    left: text(f, 1),
    right: text(f, 2),
    number: text(f, 3),
    target: text(f, 4),
  });
  return [
    ...(await readRows(
      lane,
      "select o.amopfamily, o.amoplefttype, o.amoprighttype, o.amopstrategy, o.amopopr from pg_catalog.pg_amop as o",
      member("operator"),
    )),
    ...(await readRows(
      lane,
      "select p.amprocfamily, p.amproclefttype, p.amprocrighttype, p.amprocnum, p.amproc::pg_catalog.oid from pg_catalog.pg_amproc as p",
      member("function"),
    )),
  ];
}

async function readAggregates(lane: Lane) {
  const calls = [
    "aggtransfn",
    "aggfinalfn",
    "aggcombinefn",
    "aggserialfn",
    "aggdeserialfn",
    "aggmtransfn",
    "aggmfinalfn",
  ];
  return await readRows(
    lane,
    `select ${["aggfnoid", ...calls].map((column) => `a.${column}::pg_catalog.oid`).join(", ")} from pg_catalog.pg_aggregate as a`,
    (f) => ({
      oid: text(f, 0),
      name: "",
      schema: "",
      calls: f.slice(1).flatMap((call) => (call == null || call === "0" ? [] : [call])),
    }),
  );
}
