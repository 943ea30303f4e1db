import { PUBLIC } from "./acl.ts";
import type { Catalog, RelationRow, RoleRow, SchemaRow } from "./catalog.ts";

/** Whoever is one of these has rights on every table and schema, whatever their lists say. */
const REACH_EVERYTHING: ReadonlySet<string> = new Set(["pg_read_all_data", "pg_write_all_data"]);

/** The role that the owner of a database is a member of, without being listed: it owns the schema `public`. */
const DATABASE_OWNER = "pg_database_owner";

/**
 * Which roles have any right on which tables and schemas: by ownership, by a grant, by a grant to everyone, and by the
 * roles that they are members of. What somebody without any right does in a schema of his own is not a finding.
 */
export class Reach {
  readonly #catalog: Catalog;
  readonly #byName: ReadonlyMap<string, RoleRow>;
  /** By oid of a role, those that it is a member of. */
  readonly #groups = new Map<string, string[]>();
  readonly #names = new Map<string, ReadonlySet<string>>();
  /** By oid of a relation, who has a right on one of its columns. */
  readonly #columnGrantees = new Map<string, Set<string>>();

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
    this.#byName = new Map([...catalog.roles.values()].map((role) => [role.name, role]));
    for (const { role, member, canUse } of catalog.memberships ?? [])
      if (canUse) this.#groups.set(member, [...(this.#groups.get(member) ?? []), role]);
    for (const column of catalog.columns)
      for (const { grantee, privileges } of column.acl ?? []) {
        if (privileges.length === 0) continue;
        const grantees = this.#columnGrantees.get(column.relation) ?? new Set();
        this.#columnGrantees.set(column.relation, grantees.add(grantee));
      }
  }

  /** The names under which a role has rights beside everyone's: its own, and those of all roles that it can act as. */
  namesOf(role: RoleRow): ReadonlySet<string> {
    const known = this.#names.get(role.oid);
    if (known !== undefined) return known;
    const oids = new Set([role.oid]);
    for (const oid of oids) for (const group of this.#groups.get(oid) ?? []) oids.add(group);
    const names = new Set<string>();
    for (const oid of oids) {
      names.add(this.#nameOf(oid));
      if (this.#catalog.database?.owner === oid) names.add(DATABASE_OWNER);
    }
    this.#names.set(role.oid, names);
    return names;
  }

  isSuperuser(role: RoleRow): boolean {
    return [...this.namesOf(role)].some((name) => this.#byName.get(name)?.isSuperuser === true);
  }

  /** Whether a role has a right on a relation or on one of its columns, be it everyone's. */
  reaches(role: RoleRow, relation: RelationRow): boolean {
    if (this.#reachesAll(role) || this.holds(role, relation)) return true;
    return this.#grantees(relation).has(PUBLIC);
  }

  /** Whether a role has such a right by ownership or by name: one that not everyone has. */
  holds(role: RoleRow, relation: RelationRow): boolean {
    const names = this.namesOf(role);
    if (names.has(this.#nameOf(relation.owner))) return true;
    return [...this.#grantees(relation)].some((grantee) => names.has(grantee));
  }

  /** Whether names in a schema are found by a role at all: the server passes over schemas without USAGE. */
  uses(role: RoleRow, schema: SchemaRow): boolean {
    return this.#reachesAll(role) || this.#may(role, schema, "U", true);
  }

  /** Whether a role can make objects in a schema, by ownership or by name. */
  creates(role: RoleRow, schema: SchemaRow): boolean {
    return this.isSuperuser(role) || this.#may(role, schema, "C", false);
  }

  #may(role: RoleRow, schema: SchemaRow, letter: string, byEveryone: boolean): boolean {
    const names = this.namesOf(role);
    if (names.has(this.#nameOf(schema.owner))) return true;
    return (schema.acl ?? []).some(
      ({ grantee, privileges }) =>
        (names.has(grantee) || (byEveryone && grantee === PUBLIC)) && privileges.some((p) => p.startsWith(letter)),
    );
  }

  #grantees(relation: RelationRow): Set<string> {
    const listed = (relation.acl ?? []).filter(({ privileges }) => privileges.length > 0);
    return new Set([...listed.map(({ grantee }) => grantee), ...(this.#columnGrantees.get(relation.oid) ?? [])]);
  }

  #nameOf(oid: string): string {
    return this.#catalog.roles.get(oid)?.name ?? `role ${oid}`;
  }

  #reachesAll(role: RoleRow): boolean {
    return this.isSuperuser(role) || [...this.namesOf(role)].some((name) => REACH_EVERYTHING.has(name));
  }
}
