import { type Place, roleAt } from "@scidex/audit-core";
import { FIRST_NORMAL_OID, isBuiltin, type ReportFinding } from "@scidex/audit-reader";
import { type Grant, privilegeName, PUBLIC } from "../catalog/acl.ts";
import { type Catalog, type RoleRow, roleName } from "../catalog/catalog.ts";
import { ownRelations } from "../describe/describe-schema.ts";
import { compareMemberships, type Widened } from "./compare-memberships.ts";
import { CAPTURE_PREFIX } from "./audited-tables.ts";
import type { FunctionShape, RelationShape, SchemaShape } from "../manifest.ts";
import { isOwnRole, ownerRole } from "../catalog/own-roles.ts";
import type { Reach } from "../catalog/reach.ts";

type Grants = Readonly<Record<string, readonly string[]>>;

/**
 * Reports whatever grants more than the set-up did: to anybody on the chain, and to one of the chain's roles also on an
 * audited table or the server itself. What somebody grants of objects of his own is not a finding: he could raise it at
 * will.
 *
 * @param audited oids of the audited tables and of their partitions and children
 */
export function comparePrivileges(
  catalog: Catalog,
  manifest: SchemaShape,
  live: {
    readonly functions: ReadonlyMap<string, FunctionShape>;
    readonly relations: ReadonlyMap<string, RelationShape>;
  },
  audited: ReadonlySet<string>,
  reach: Reach,
  report: ReportFinding,
): { warnings: string[] } {
  const superusers = new Set([...catalog.roles.values()].filter((r) => r.isSuperuser).map((r) => r.name));
  const widened = (message: string, expected: string, actual: string) =>
    report({ check: "privilege_widened", expected, actual, message });

  compareOwnGrants(catalog, manifest, live, superusers, widened);
  compareColumnGrants(catalog, superusers, widened);
  for (const role of catalog.roles.values()) {
    if (!isOwnRole(catalog, role.name)) continue;
    for (const attribute of role.attributes)
      widened(`the role ${role.name} has ${attribute}`, "no attributes", attribute);
  }
  compareForeignGrants(catalog, audited, widened);
  compareDefaultGrants(catalog, audited, reach, superusers, widened);
  return { warnings: compareMemberships(catalog, audited, reach, widened) };
}

/** Whoever creates a partition of an audited table puts the root's triggers on it. On any other table they refuse to work. */
const ofCapture = ({ place }: Catalog): Grants => ({ [roleAt("deployer", place)]: ["X"] });

const worded = (privileges: readonly string[]) => privileges.map(privilegeName).join(", ");

/** Grants on our own relations and functions beyond those of the migrations. */
function compareOwnGrants(
  catalog: Catalog,
  manifest: SchemaShape,
  live: {
    readonly functions: ReadonlyMap<string, FunctionShape>;
    readonly relations: ReadonlyMap<string, RelationShape>;
  },
  superusers: ReadonlySet<string>,
  widened: Widened,
): void {
  /** What each role has beyond the manifest, by object. */
  const more = new Map<string, Map<string, string[]>>();
  const captures = ofCapture(catalog);
  const collect = (object: string, expected: Grants, actual: Grants) => {
    for (const [grantee, privileges] of Object.entries(actual)) {
      if (grantee === ownerRole(catalog) || superusers.has(grantee)) continue;
      const allowed = Object.hasOwn(expected, grantee) ? expected[grantee] : undefined;
      const extra = privileges.filter((privilege) => allowed?.includes(privilege) !== true);
      if (extra.length === 0) continue;
      const objects = more.get(grantee) ?? new Map<string, string[]>();
      more.set(grantee, objects.set(object, extra));
    }
  };
  for (const [name, { grants }] of live.relations) collect(name, manifest.relations[name]?.grants ?? {}, grants);
  for (const [name, { grants }] of live.functions)
    collect(name, manifest.functions[name]?.grants ?? (name.startsWith(CAPTURE_PREFIX) ? captures : {}), grants);
  for (const [grantee, objects] of more) {
    if (isInstaller(catalog, manifest, grantee, objects)) continue;
    for (const [object, privileges] of objects) {
      widened(
        `${grantee === PUBLIC ? "everyone" : grantee} has ${worded(privileges)} on ${catalog.place.schema}.${object}`,
        "no such right",
        `${worded(privileges)} for ${grantee}`,
      );
    }
  }
}

/** Whether a role has exactly what a set-up without superuser leaves to whoever ran it. */
function isInstaller(
  catalog: Catalog,
  manifest: SchemaShape,
  grantee: string,
  objects: ReadonlyMap<string, readonly string[]>,
): boolean {
  if (grantee === PUBLIC || isOwnRole(catalog, grantee)) return false;
  const expected = Object.entries(manifest.installer);
  return (
    expected.length > 0 &&
    objects.size === expected.length &&
    expected.every(([object, privileges]) => objects.get(object)?.join(" ") === privileges.join(" "))
  );
}

/** Rights on single columns of our tables: the migrations grant none. */
function compareColumnGrants(catalog: Catalog, superusers: ReadonlySet<string>, widened: Widened): void {
  const own = new Map(ownRelations(catalog).map((relation) => [relation.oid, relation]));
  for (const column of catalog.columns) {
    const relation = own.get(column.relation);
    if (relation === undefined) continue;
    for (const { grantee, privileges } of column.acl ?? []) {
      if (grantee === ownerRole(catalog) || superusers.has(grantee) || privileges.length === 0) continue;
      widened(
        `${grantee === PUBLIC ? "everyone" : grantee} has ${worded(privileges)} on the column ${column.name} of ${catalog.place.schema}.${relation.name}`,
        "no such right",
        `${worded(privileges)} for ${grantee}`,
      );
    }
  }
}

const readsTables = (_: string, kind: "relation" | "schema" | "database"): string =>
  kind === "relation" ? "r" : kind === "schema" ? "U" : "c";

type Elsewhere = (object: string, kind: "relation" | "schema" | "database") => string;

/** What one of our roles may have on objects that are not ours. */
function elsewhere(role: string, place: Place): Elsewhere {
  switch (role) {
    // Audited tables, detached ones and their partitions too. The publisher reads them to record rows anew.
    case roleAt("inspector", place):
    case roleAt("publisher", place):
      return readsTables;
    case roleAt("alert", place):
      return (object, kind) =>
        kind !== "relation" ? (kind === "schema" ? "U" : "c") : object === `${place.schema}.senate_alerts` ? "a" : "U";
    case roleAt("owner", place):
      return (object, kind) =>
        kind === "schema" ? (object === place.schema ? "UC" : "U") : kind === "database" ? "c" : "";
    default:
      return (_, kind) => (kind === "schema" ? "U" : kind === "database" ? "c" : "");
  }
}

/**
 * Rights of our roles on audited tables, on the schemas of those and of ours, and on what belongs to the server. The
 * read-only role reads the chain and nothing else.
 */
function compareForeignGrants(catalog: Catalog, audited: ReadonlySet<string>, widened: Widened): void {
  const compare = (
    object: string,
    kind: "relation" | "schema" | "database",
    acl: readonly Grant[] | null,
    what = object,
  ) => {
    for (const { grantee, privileges } of acl ?? []) {
      if (!isOwnRole(catalog, grantee)) continue;
      const allowed = elsewhere(grantee, catalog.place)(object, kind);
      const extra = privileges.filter((privilege) => !allowed.includes(privilege));
      if (extra.length > 0)
        widened(`${grantee} has ${worded(extra)} on ${what}`, "no such right", `${worded(extra)} for ${grantee}`);
    }
  };
  const isServers = (oid: string) => Number(oid) < FIRST_NORMAL_OID;
  const counts = (oid: string) => audited.has(oid) || isServers(oid);
  const schemaOf = (oid: string) => catalog.schemas.get(oid)?.name ?? oid;
  for (const relation of catalog.relations.values()) {
    if (counts(relation.oid)) compare(`${schemaOf(relation.schema)}.${relation.name}`, "relation", relation.acl);
  }
  for (const column of catalog.columns) {
    if (!counts(column.relation) || column.acl === null) continue;
    const relation = catalog.relations.get(column.relation);
    const name = `${schemaOf(relation?.schema ?? "")}.${relation?.name ?? column.relation}`;
    compare(name, "relation", column.acl, `the column ${column.name} of ${name}`);
  }
  for (const f of catalog.functions.values()) {
    if (f.acl === null || !isServers(f.oid)) continue;
    for (const { grantee, privileges } of f.acl) {
      if (isOwnRole(catalog, grantee) && roleName(catalog, f.owner) !== grantee)
        widened(
          `${grantee} has ${worded(privileges)} on the function ${schemaOf(f.schema)}.${f.name}${isBuiltin(f.oid) ? "" : ` (${f.oid})`}`,
          "no such right",
          `${worded(privileges)} for ${grantee}`,
        );
    }
  }
  const schemas = new Set([...audited].map((oid) => catalog.relations.get(oid)?.schema));
  for (const schema of catalog.schemas.values())
    if (schema.name === catalog.place.schema || schemas.has(schema.oid) || isServers(schema.oid))
      compare(schema.name, "schema", schema.acl, `the schema ${schema.name}`);
  if (catalog.database !== undefined) compare("database", "database", catalog.database.acl, "this database");
}

const OBJECTS: Readonly<Record<string, string>> = {
  r: "tables",
  S: "sequences",
  f: "functions",
  T: "types",
  n: "schemas",
};

/**
 * What objects made later would grant. Objects of our owner may grant nothing more to anyone. Nor may those of whoever
 * may make a table that will be audited, or an object among ours, to our roles.
 */
function compareDefaultGrants(
  catalog: Catalog,
  audited: ReadonlySet<string>,
  reach: Reach,
  superusers: ReadonlySet<string>,
  widened: Widened,
): void {
  const owners = new Set([...audited].map((oid) => catalog.relations.get(oid)?.owner));
  const ours = [...catalog.schemas.values()].find(({ name }) => name === catalog.place.schema);
  const makesOurs = (role: RoleRow | undefined) =>
    role !== undefined && (owners.has(role.oid) || (ours !== undefined && reach.creates(role, ours)));
  for (const { owner, objects, acl } of catalog.defaultGrants ?? []) {
    const ownerName = roleName(catalog, owner);
    for (const { grantee, privileges } of acl) {
      if (grantee === ownerName || superusers.has(grantee) || privileges.length === 0) continue;
      // What everyone may do with functions and types anyway is no more when it is written down.
      if (
        grantee === PUBLIC &&
        ((objects === "f" && privileges.join() === "X") || (objects === "T" && privileges.join() === "U"))
      )
        continue;
      const isFine =
        ownerName === ownerRole(catalog)
          ? false
          : !isOwnRole(catalog, grantee) ||
            !makesOurs(catalog.roles.get(owner)) ||
            (["scidex_audit_inspector", "scidex_audit_publisher"].includes(grantee) &&
              objects === "r" &&
              privileges.join() === "r");
      if (!isFine)
        widened(
          `${OBJECTS[objects] ?? "objects"} that ${ownerName} makes will grant ${worded(privileges)} to ${grantee === PUBLIC ? "everyone" : grantee}`,
          "no such default privileges",
          `${worded(privileges)} for ${grantee}`,
        );
    }
  }
}
