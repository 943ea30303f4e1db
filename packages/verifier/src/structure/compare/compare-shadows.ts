import type { ReportFinding } from "@scidex/audit-reader";
import {
  type Catalog,
  findRelation,
  functionName,
  type RelationRow,
  type RoleRow,
  roleName,
} from "../catalog/catalog.ts";
import { OWN_PREFIX, ownFunctions, ownRelations } from "../describe/describe-schema.ts";
import { pathEntry, type PresentEntry } from "../../coverage/present.ts";
import type { Reach } from "../catalog/reach.ts";
import { isOwnRole } from "../catalog/own-roles.ts";
import { DEFAULT_SEARCH_PATH, parseSearchPath } from "../catalog/search-path.ts";

/** A relation that applications find by its bare name, and the kind that it belongs to. */
export interface Found {
  readonly schema: string;
  readonly name: string;
  readonly kind: string | undefined;
  /** What the configuration recorded as there when the table was attached. */
  readonly known: readonly PresentEntry[];
}

/** What a role finds by names without a schema. */
interface Path {
  readonly role: RoleRow;
  readonly schemas: readonly string[];
  readonly whose: string;
  /** Set for a session by somebody, rather than what PostgreSQL has for all: then the table's own schema can be missing. */
  readonly isSet: boolean;
}

/**
 * Relations that an application gets instead of an audited table, or of ours, when it leaves the schema out. Such a
 * relation has the same name, in a schema that comes earlier in a search path. A path that does not have the table's
 * own schema at all counts if it was set for somebody. Only roles with a right on the table itself, which can use the
 * other schema, are asked: what anybody else finds in a corner of his own is his business. Temporary tables belong to
 * their session and are not looked for.
 */
export function compareShadows(catalog: Catalog, tables: readonly Found[], reach: Reach, report: ReportFinding): void {
  const byName = new Map<string, Map<string, RelationRow>>();
  for (const relation of catalog.relations.values()) {
    if (!"rpvmf".includes(relation.kind)) continue;
    const schemas = byName.get(relation.name) ?? new Map<string, RelationRow>();
    byName.set(relation.name, schemas.set(catalog.schemas.get(relation.schema)?.name ?? "", relation));
  }
  const own = catalog.place.schema;
  const wanted = new Map<string, Found>(tables.map((table) => [`${table.schema}.${table.name}`, table]));
  for (const { name } of ownRelations(catalog))
    wanted.set(`${own}.${name}`, { schema: own, name, kind: undefined, known: [] });
  const paths = searchPaths(catalog, reach);
  for (const table of wanted.values()) {
    const places = byName.get(table.name);
    const relation = findRelation(catalog, table.schema, table.name);
    // Nearly every name is there once.
    if (places === undefined || relation === undefined || places.size < 2) continue;
    const reported = new Set<string>();
    for (const path of paths) {
      const found = path.schemas.find((schema) => places.has(schema));
      if (found === undefined || found === table.schema || reported.has(found)) continue;
      // Tables of the same name may all be audited, for example one in each tenant's schema.
      if (wanted.has(`${found}.${table.name}`)) continue;
      if (!path.isSet && !path.schemas.includes(table.schema)) continue;
      if (table.known.includes(pathEntry(path.role.name, found)) || !reach.reaches(path.role, relation)) continue;
      reported.add(found);
      report({
        check: "relation_shadowed",
        ...(table.kind === undefined ? {} : { eventKind: table.kind }),
        expected: `${table.schema}.${table.name}`,
        actual: `${found}.${table.name}`,
        message: `${path.whose} gets ${found}.${table.name} instead of ${table.schema}.${table.name} when the schema is left out (search path ${path.schemas.join(", ")})`,
      });
    }
  }
  compareFunctionNames(catalog, paths, reach, report);
}

/** Functions of our names in a schema that is searched before ours, by a role that may call ours. */
function compareFunctionNames(catalog: Catalog, paths: readonly Path[], reach: Reach, report: ReportFinding): void {
  const callers = new Set(ownFunctions(catalog).flatMap(({ acl }) => (acl ?? []).map(({ grantee }) => grantee)));
  const mayCall = (role: RoleRow) =>
    reach.isSuperuser(role) || [...reach.namesOf(role)].some((name) => callers.has(name));
  const own = catalog.place.schema;
  const reported = new Set<string>();
  for (const f of catalog.functions.values()) {
    const schema = catalog.schemas.get(f.schema)?.name ?? "";
    if (!f.name.startsWith(OWN_PREFIX) || schema === own || reported.has(`${schema}.${f.name}`)) continue;
    const path = paths.find(({ role, schemas, isSet }) => {
      const [theirs, ours] = [schemas.indexOf(schema), schemas.indexOf(own)];
      return theirs !== -1 && (ours === -1 ? isSet : theirs < ours) && mayCall(role);
    });
    if (path === undefined) continue;
    reported.add(`${schema}.${f.name}`);
    report({
      check: "relation_shadowed",
      expected: `${own}.${f.name}`,
      actual: `${schema}.${f.name}`,
      message: `${path.whose} gets the function ${schema}.${f.name} instead of the audit chain's when the schema is left out`,
    });
  }
}

/**
 * Sessions that are set to be replicas from the start: ordinary triggers do not fire in them.
 *
 * @returns warnings: of functions that switch triggers off while they run (what they insert is then found as rows past
 *   the trigger)
 */
export function compareReplicaSettings(catalog: Catalog, report: ReportFinding): string[] {
  for (const setting of catalog.settings ?? []) {
    if (setting.name !== "session_replication_role" || setting.value.toLowerCase() !== "replica") continue;
    if (!appliesHere(catalog, setting.database)) continue;
    report({
      check: "trigger_disabled",
      expected: "session_replication_role origin",
      actual: "replica",
      message: `no trigger fires for ${whose(catalog, setting.role, setting.database)}: session_replication_role is set to replica`,
    });
  }
  return functionSettings(catalog, "session_replication_role")
    .filter(({ value }) => value.toLowerCase() === "replica")
    .map(({ whose: name }) => `${name} sets session_replication_role to replica: no trigger fires while it runs`);
}

/** Why what the server gives to everyone else cannot be seen: settings of the verifier's own login lie over it. */
export function maskedSettings(catalog: Catalog): string[] {
  const masked = (catalog.settings ?? []).filter(
    ({ role, database, name }) =>
      role !== "0" &&
      role !== "" &&
      roleName(catalog, role) === catalog.sessionUser &&
      appliesHere(catalog, database) &&
      STARTS_WITH.has(name),
  );
  return [...new Set(masked.map(({ name }) => name))].map(
    (name) =>
      `${name} is set for the verifier's own login ${catalog.sessionUser}, so that what the server gives to others cannot be seen; run ALTER ROLE ${catalog.sessionUser} RESET ${name}, or verify with another login`,
  );
}

/** What a session starts with that decides which tables and triggers it meets. */
const STARTS_WITH: ReadonlySet<string> = new Set(["search_path", "session_replication_role"]);

/** Functions that run under a setting of their own. */
function functionSettings(catalog: Catalog, name: string): { value: string; owner: string; whose: string }[] {
  const found: { value: string; owner: string; whose: string }[] = [];
  for (const f of catalog.functions.values()) {
    const entry = f.settings.find((setting) => setting.toLowerCase().startsWith(`${name}=`));
    if (entry !== undefined)
      found.push({
        value: entry.slice(name.length + 1),
        owner: f.owner,
        whose: `the function ${functionName(catalog, f.oid)}`,
      });
  }
  return found;
}

const appliesHere = (catalog: Catalog, database: string) => database === "0" || database === catalog.database?.oid;

function whose(catalog: Catalog, role: string, database: string): string {
  if (role === "") return "a session like the verifier's";
  if (role !== "0") return `the role ${roleName(catalog, role)}`;
  return database === "0" ? "everyone" : "everyone in this database";
}

/**
 * What each role finds by bare names. That is the search path that its sessions start with here, and those of the
 * functions that it owns, without the schemas that it may not use. What is in pg_catalog is always found first.
 */
function searchPaths(catalog: Catalog, reach: Reach): Path[] {
  const schemasByName = new Map([...catalog.schemas.values()].map((schema) => [schema.name, schema]));
  const found = (role: RoleRow, value: string): string[] => {
    const named = parseSearchPath(value).map((name) => (name === "$user" ? role.name : name));
    return (named.includes("pg_catalog") ? named : ["pg_catalog", ...named]).filter((name) => {
      const schema = schemasByName.get(name);
      return schema !== undefined && reach.uses(role, schema);
    });
  };
  // Nobody logs in as one of our roles or of PostgreSQL's own.
  const logins = [...catalog.roles.values()].filter(({ name }) => !isOwnRole(catalog, name) && !name.startsWith("pg_"));
  const ofSessions = logins.map((role): Path => {
    const { value, whose: who } = sessionPath(catalog, role);
    const isUsers = parseSearchPath(value).includes("$user") && schemasByName.has(role.name);
    return {
      role,
      schemas: found(role, value),
      whose: isUsers ? `the role ${role.name}` : who,
      isSet: value !== DEFAULT_SEARCH_PATH,
    };
  });
  const ofFunctions = functionSettings(catalog, "search_path").flatMap(({ value, owner, whose: who }): Path[] => {
    const role = catalog.roles.get(owner);
    // A function that has another schema only was never meant for the audited table.
    return role === undefined ? [] : [{ role, schemas: found(role, value), whose: who, isSet: false }];
  });
  return [...ofSessions, ...ofFunctions];
}

/** The search path that a role's sessions start with in this database, as the server looks for it. */
function sessionPath(catalog: Catalog, role: RoleRow): { value: string; whose: string } {
  const here = catalog.database?.oid ?? "";
  const places = [
    [role.oid, here],
    [role.oid, "0"],
    ["0", here],
    ["0", "0"],
    ["", "0"],
  ] as const;
  for (const [owner, database] of places) {
    const setting = catalog.settings?.find(
      (s) => s.name === "search_path" && s.role === owner && s.database === database,
    );
    if (setting !== undefined) return { value: setting.value, whose: whose(catalog, owner, database) };
  }
  return { value: DEFAULT_SEARCH_PATH, whose: "everyone" };
}
