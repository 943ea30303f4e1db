import { parseArrayText } from "../array-text.ts";
import type { Lane } from "../snapshot.ts";
import { parseAcl } from "./acl.ts";
import type { DefaultGrantsRow, MembershipRow, RoleRow, SettingRow } from "./catalog.ts";
import { flag, type OrNull, readRows, text } from "./read-catalog.ts";

const ATTRIBUTES = ["SUPERUSER", "CREATEROLE", "CREATEDB", "LOGIN", "REPLICATION", "BYPASSRLS"] as const;

/** Roles, who is a member of which, and what is set or granted for them. */
export async function readRoles(
  lane: Lane,
  serverVersion: number,
  orNull: OrNull,
): Promise<{
  roles: ReadonlyMap<string, RoleRow>;
  memberships: readonly MembershipRow[] | null;
  settings: readonly SettingRow[] | null;
  defaultGrants: readonly DefaultGrantsRow[] | null;
}> {
  // pg_authid itself is for superusers only. The view's rule is compared with PostgreSQL's own: see builtin/.
  const roles = await readRows(
    lane,
    "select r.oid, r.rolname, r.rolsuper, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication, r.rolbypassrls from pg_catalog.pg_roles as r",
    (f) => ({
      oid: text(f, 0),
      name: text(f, 1),
      isSuperuser: flag(f, 2),
      attributes: ATTRIBUTES.filter((_, i) => flag(f, i + 2)),
    }),
  );
  const uses = serverVersion >= 160_000 ? "m.inherit_option or m.set_option" : "true";
  return {
    roles: new Map(roles.map((role) => [role.oid, role])),
    memberships: await orNull(
      "pg_auth_members",
      async () =>
        await readRows(lane, `select m.roleid, m.member, ${uses} from pg_catalog.pg_auth_members as m`, (f) => ({
          role: text(f, 0),
          member: text(f, 1),
          canUse: flag(f, 2),
        })),
    ),
    settings: await orNull("pg_db_role_setting", async () => await readSettings(lane)),
    defaultGrants: await orNull(
      "pg_default_acl",
      async () =>
        await readRows(
          lane,
          "select d.defaclrole, d.defaclobjtype, d.defaclacl from pg_catalog.pg_default_acl as d",
          (f) => ({ owner: text(f, 0), objects: text(f, 1), acl: parseAcl(text(f, 2)) }),
        ),
    ),
  };
}

/** Settings of roles and databases, and under the role `` what this session has got from the server. */
async function readSettings(lane: Lane): Promise<SettingRow[]> {
  const rows = await readRows(
    lane,
    "select s.setdatabase, s.setrole, s.setconfig from pg_catalog.pg_db_role_setting as s",
    (f) => ({ database: text(f, 0), role: text(f, 1), config: parseArrayText(text(f, 2)) }),
  );
  const server = await readRows(
    lane,
    "select s.name, s.reset_val from pg_catalog.pg_show_all_settings() as s where s.name in ('search_path', 'session_replication_role')",
    (f) => ({ database: "0", role: "", name: text(f, 0), value: text(f, 1) }),
  );
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
