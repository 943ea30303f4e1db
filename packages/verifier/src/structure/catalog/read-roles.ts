import { fieldText, flag, type Lane, parseArrayText, ROLES, SETTINGS, text } from "@scidex/audit-reader";
import { parseAcl } from "./acl.ts";
import type { DefaultGrantsRow, MembershipRow, RoleRow, SettingRow } from "./catalog.ts";
import { type OrNull, type ReadRows, rights } from "./read-rows.ts";

const ATTRIBUTES = ["SUPERUSER", "CREATEROLE", "CREATEDB", "LOGIN", "REPLICATION", "BYPASSRLS"] as const;

/** Roles, who is a member of which, and what is set or granted for them. */
export async function readRoles(
  lane: Lane,
  read: ReadRows,
  orNull: OrNull,
): Promise<{
  roles: ReadonlyMap<string, RoleRow>;
  memberships: readonly MembershipRow[] | null;
  settings: readonly SettingRow[] | null;
  defaultGrants: readonly DefaultGrantsRow[] | null;
}> {
  // pg_authid itself is for superusers only: it is read through the view, and the plan shows that it is.
  const roles = await lane.attempt(async (attempt) => {
    return await attempt.rows(ROLES, 8, (fields) => {
      const f = fields.map((field, i) => fieldText(field, ["oid", "name"][i] ?? "bool"));
      return {
        oid: text(f, 0),
        name: text(f, 1),
        isSuperuser: flag(f, 2),
        attributes: ATTRIBUTES.filter((_, i) => flag(f, i + 2)),
      };
    });
  });
  return {
    roles: new Map(roles.map((role) => [role.oid, role])),
    memberships: await orNull(
      "pg_auth_members",
      async () =>
        await read("pg_auth_members", ["roleid", "member", "inherit_option", "set_option"], (f) => ({
          role: text(f, 0),
          member: text(f, 1),
          // Before PostgreSQL 16 every member can use the role.
          canUse: f[2] == null || flag(f, 2) || flag(f, 3),
        })),
    ),
    settings: await orNull("pg_db_role_setting", async () => await readSettings(lane, read)),
    defaultGrants: await orNull(
      "pg_default_acl",
      async () =>
        await read("pg_default_acl", ["defaclrole", "defaclobjtype", rights("defaclacl")], (f) => ({
          owner: text(f, 0),
          objects: text(f, 1),
          acl: parseAcl(text(f, 2)),
        })),
    ),
  };
}

const OF_SESSION = new Set(["search_path", "session_replication_role"]);

/** Settings of roles and databases, and under the role `` what this session has got from the server. */
async function readSettings(lane: Lane, read: ReadRows): Promise<SettingRow[]> {
  const columns = ["setdatabase", "setrole", { slice: "setconfig", of: "array" } as const];
  const rows = await read("pg_db_role_setting", columns, (f) => ({
    database: text(f, 0),
    role: text(f, 1),
    config: parseArrayText(text(f, 2)),
  }));
  const server = await lane.attempt(async (attempt) => {
    return await attempt.rows(SETTINGS, 2, ([name, value]): SettingRow | null => {
      const setting = name?.toString("utf8") ?? "";
      if (!OF_SESSION.has(setting)) return null;
      return { database: "0", role: "", name: setting, value: value?.toString("utf8") ?? "" };
    });
  });
  return [
    ...rows.flatMap(({ database, role, config }) =>
      config.map((entry) => {
        const at = entry.indexOf("=");
        return { database, role, name: entry.slice(0, at).toLowerCase(), value: entry.slice(at + 1) };
      }),
    ),
    ...server,
  ];
}
