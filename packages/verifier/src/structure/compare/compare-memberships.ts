import { PUBLIC } from "../catalog/acl.ts";
import { type Catalog, roleName } from "../catalog/catalog.ts";
import { ownFunctions, ownRelations } from "../describe/describe-schema.ts";
import { isOwnRole, ownerRole } from "../catalog/own-roles.ts";
import type { Reach } from "../catalog/reach.ts";

/** Takes what was found: the message, what was expected, what is there. */
export type Widened = (message: string, expected: string, actual: string) => void;

/** Predefined roles whose members can write every table, the chain included. */
const WRITES_EVERYTHING = "pg_write_all_data";

/** Predefined roles that lead to everything by way of the server's files and programs. */
const WAYS_ROUND = ["pg_write_server_files", "pg_execute_server_program"];

/**
 * Who can become the owner, write everything, or lend our roles more rights. Returns warnings: rights to administer the
 * owner's role that the server leaves to whoever created it, and predefined roles with which one can get round it all.
 */
export function compareMemberships(
  catalog: Catalog,
  audited: ReadonlySet<string>,
  reach: Reach,
  widened: Widened,
): string[] {
  const warnings: string[] = [];
  const owner = ownerRole(catalog);
  const gives = giving(catalog, audited, reach);
  for (const { role, member, canUse } of catalog.memberships ?? []) {
    const [group, name] = [roleName(catalog, role), roleName(catalog, member)];
    // A superuser can do everything without being a member.
    if (catalog.roles.get(member)?.isSuperuser === true && !isOwnRole(catalog, name)) continue;
    if (isOwnRole(catalog, name)) {
      // Before PostgreSQL 16 every login can make others a member of itself: without rights of its own it lends none.
      if (gives(role)) widened(`${name} is a member of ${group}`, "a member of nothing", group);
    } else if (group === owner) {
      if (canUse) widened(`${name} can become ${owner}`, "no members", name);
      else
        warnings.push(
          `${name} has the right to administer ${owner} and so could become it: a superuser can take it away with REVOKE ${owner} FROM ${name}`,
        );
    } else if (group === WRITES_EVERYTHING) {
      widened(`${name} can write every table, being a member of ${group}`, "no members but superusers", name);
    } else if (WAYS_ROUND.includes(group)) {
      warnings.push(`${name} is a member of ${group} and so can change the server's files, and with them everything`);
    }
  }
  if (catalog.majorVersion < 16) {
    for (const role of catalog.roles.values()) {
      if (!role.isSuperuser && role.attributes.includes("CREATEROLE"))
        warnings.push(`before PostgreSQL 16 a role with CREATEROLE can become ${owner}: ${role.name} has it`);
    }
  }
  return warnings;
}

/** Whether members of a role get a right by it that has to do with us, with audited tables or with the whole server. */
function giving(catalog: Catalog, audited: ReadonlySet<string>, reach: Reach): (oid: string) => boolean {
  const relations = [...ownRelations(catalog), ...[...audited].flatMap((oid) => catalog.relations.get(oid) ?? [])];
  const callers = new Set(
    ownFunctions(catalog)
      .flatMap(({ acl }) => (acl ?? []).map(({ grantee }) => grantee))
      .filter((name) => name !== PUBLIC),
  );
  const byName = new Map([...catalog.roles.values()].map((role) => [role.name, role]));
  return (oid) => {
    const group = catalog.roles.get(oid);
    if (group === undefined) return true;
    return (
      relations.some((relation) => reach.holds(group, relation)) ||
      [...reach.namesOf(group)].some(
        (name) =>
          name.startsWith("pg_") ||
          isOwnRole(catalog, name) ||
          callers.has(name) ||
          byName.get(name)?.attributes.some((attribute) => attribute !== "LOGIN") === true,
      )
    );
  };
}
