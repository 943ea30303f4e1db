import type { Report } from "../finding.ts";
import { type Catalog, functionName, type RelationRow, roleName } from "./catalog.ts";
import { OWN_PREFIX, OWN_SCHEMA, ownRelations } from "./describe-schema.ts";
import { DEFAULT_SEARCH_PATH, parseSearchPath } from "./search-path.ts";

/** A relation that applications find by its bare name, and the kind that it belongs to. */
export interface Found {
  readonly schema: string;
  readonly name: string;
  readonly kind: string | undefined;
}

/** A search path, and who gets it. */
interface Path {
  readonly schemas: readonly string[];
  readonly whose: string;
  /** Set for somebody, rather than what PostgreSQL has for all. */
  readonly isSet: boolean;
}

/**
 * Relations that an application gets instead of an audited table, or of ours, when it leaves the schema out: a
 * relation of the same name in a schema that comes earlier in a search path. A path that does not have the table's own
 * schema at all counts if it was set for somebody. Temporary tables belong to their session and are not looked for.
 */
export function compareShadows(catalog: Catalog, tables: readonly Found[], report: Report): void {
  const paths = searchPaths(catalog);
  const byName = new Map<string, Map<string, RelationRow>>();
  for (const relation of catalog.relations.values()) {
    if (!"rpvmf".includes(relation.kind)) continue;
    const schemas = byName.get(relation.name) ?? new Map<string, RelationRow>();
    byName.set(relation.name, schemas.set(catalog.schemas.get(relation.schema)?.name ?? "", relation));
  }
  const wanted = new Map<string, Found>(tables.map((table) => [`${table.schema}.${table.name}`, table]));
  for (const { name } of ownRelations(catalog))
    wanted.set(`${OWN_SCHEMA}.${name}`, { schema: OWN_SCHEMA, name, kind: undefined });
  for (const table of wanted.values()) {
    const reported = new Set<string>();
    for (const path of paths) {
      const found = path.schemas.find((schema) => byName.get(table.name)?.has(schema) === true);
      if (found === undefined || found === table.schema || reported.has(found)) continue;
      // Tables of the same name may all be audited, for example one in each tenant's schema.
      if (wanted.has(`${found}.${table.name}`)) continue;
      if (!path.isSet && !path.schemas.includes(table.schema)) continue;
      reported.add(found);
      report({
        check: "relation_shadowed",
        ...(table.kind === undefined ? {} : { event_kind: table.kind }),
        expected: `${table.schema}.${table.name}`,
        actual: `${found}.${table.name}`,
        message: `${path.whose} gets ${found}.${table.name} instead of ${table.schema}.${table.name} when the schema is left out (search path ${path.schemas.join(", ")})`,
      });
    }
  }
  compareFunctionNames(catalog, paths, report);
}

/** Functions of our names in a schema that is searched before ours: an application's call can find these. */
function compareFunctionNames(catalog: Catalog, paths: readonly Path[], report: Report): void {
  const reported = new Set<string>();
  for (const f of catalog.functions.values()) {
    const schema = catalog.schemas.get(f.schema)?.name ?? "";
    if (!f.name.startsWith(OWN_PREFIX) || schema === OWN_SCHEMA || reported.has(`${schema}.${f.name}`)) continue;
    const path = paths.find(({ schemas, isSet }) => {
      const [theirs, ours] = [schemas.indexOf(schema), schemas.indexOf(OWN_SCHEMA)];
      return theirs !== -1 && (ours === -1 ? isSet : theirs < ours);
    });
    if (path === undefined) continue;
    reported.add(`${schema}.${f.name}`);
    report({
      check: "relation_shadowed",
      expected: `${OWN_SCHEMA}.${f.name}`,
      actual: `${schema}.${f.name}`,
      message: `${path.whose} gets the function ${schema}.${f.name} instead of the audit chain's when the schema is left out`,
    });
  }
}

/**
 * Sessions that are set to be replicas from the start: ordinary triggers do not fire in them.
 *
 * @returns warnings: of functions that switch triggers off while they run (what they insert is then found as rows past
 *   the trigger), and where the verifier's own login hides from it what everyone else starts with
 */
export function compareReplicaSettings(catalog: Catalog, report: Report): string[] {
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
  const masked = (catalog.settings ?? [])
    .filter(({ role, name }) => roleName(catalog, role) === catalog.sessionUser && STARTS_WITH.has(name))
    .map(({ name }) => name);
  return [
    ...functionSettings(catalog, "session_replication_role")
      .filter(({ value }) => value.toLowerCase() === "replica")
      .map(({ whose: name }) => `${name} sets session_replication_role to replica: no trigger fires while it runs`),
    ...[...new Set(masked)].map(
      (name) =>
        `${name} is set for the verifier's own login ${catalog.sessionUser}, so that what the server gives to others cannot be seen`,
    ),
  ];
}

/** What a session starts with that decides which tables and triggers it meets. */
const STARTS_WITH: ReadonlySet<string> = new Set(["search_path", "session_replication_role"]);

/** Functions that run under a setting of their own. */
function functionSettings(catalog: Catalog, name: string): { value: string; whose: string }[] {
  const found: { value: string; whose: string }[] = [];
  for (const f of catalog.functions.values()) {
    const entry = f.settings.find((setting) => setting.toLowerCase().startsWith(`${name}=`));
    if (entry !== undefined)
      found.push({ value: entry.slice(name.length + 1), whose: `the function ${functionName(catalog, f.oid)}` });
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
 * Every search path that a session can start with here, or that a function runs with. What is in pg_catalog is always
 * found first.
 */
function searchPaths(catalog: Catalog): Path[] {
  const ofFunctions = new Map(
    functionSettings(catalog, "search_path").map(({ value, whose: name }) => {
      const schemas = parseSearchPath(value);
      return [value, { schemas: ["pg_catalog", ...schemas], whose: name, isSet: true }] as const;
    }),
  );
  return [...sessionPaths(catalog), ...ofFunctions.values()];
}

function sessionPaths(catalog: Catalog): Path[] {
  const paths = (catalog.settings ?? [])
    .filter((setting) => setting.name === "search_path" && appliesHere(catalog, setting.database))
    .map(({ role, database, value }) => ({ role, database, value, isSet: value !== DEFAULT_SEARCH_PATH }));
  return [{ role: "0", database: "0", value: DEFAULT_SEARCH_PATH, isSet: false }, ...paths].flatMap((path) => {
    const schemas = parseSearchPath(path.value);
    const withUser = (user: string | null) => {
      const named = schemas.flatMap((schema) => (schema === "$user" ? (user === null ? [] : [user]) : [schema]));
      return named.includes("pg_catalog") ? named : ["pg_catalog", ...named];
    };
    const who = whose(catalog, path.role, path.database);
    if (path.role !== "0" && path.role !== "") {
      return [{ schemas: withUser(roleName(catalog, path.role)), whose: who, isSet: path.isSet }];
    }
    // "$user" is a different schema for each role: those that have one are looked at one by one.
    const users = schemas.includes("$user")
      ? [...catalog.schemas.values()].map(({ name }) => name).filter((name) => hasRole(catalog, name))
      : [];
    return [
      { schemas: withUser(null), whose: who, isSet: path.isSet },
      ...users.map((user) => ({ schemas: withUser(user), whose: `the role ${user}`, isSet: path.isSet })),
    ];
  });
}

function hasRole(catalog: Catalog, name: string): boolean {
  for (const role of catalog.roles.values()) if (role.name === name) return true;
  return false;
}
