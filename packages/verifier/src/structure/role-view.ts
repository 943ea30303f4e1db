import type { Report } from "../finding.ts";
import type { Lane } from "../snapshot.ts";
import { FIRST_NORMAL_OID } from "./catalog.ts";
import { readRows, text } from "./read-catalog.ts";

/** The part of pg_roles that is read, without white space, parentheses and table names: the same from 14 to 18. */
const COLUMNS =
  "SELECTrolname,rolsuper,rolinherit,rolcreaterole,rolcreatedb,rolcanlogin,rolreplication,rolconnlimit,'********'::textASrolpassword,rolvaliduntil,rolbypassrls,setconfigASrolconfig,oidFROMpg_authidLEFTJOINpg_db_role_settingsONoid=setroleANDsetdatabase=0::oid;";

/**
 * Roles can be read by everyone only through the view pg_roles, and a view can be replaced: so its definition, as the
 * server prints it, must be PostgreSQL's.
 */
export async function checkRoleView(lane: Lane, report: Report): Promise<void> {
  const [view] = await readRows(
    lane,
    `select c.oid, pg_catalog.pg_get_viewdef(c.oid) from pg_catalog.pg_class as c
       join pg_catalog.pg_namespace as n on n.oid = c.relnamespace where n.nspname = 'pg_catalog' and c.relname = 'pg_roles'`,
    (f) => ({ oid: text(f, 0), definition: text(f, 1) }),
  );
  const definition = normalise(view?.definition ?? "");
  if (definition === COLUMNS && Number(view?.oid) < FIRST_NORMAL_OID) return;
  report({
    check: "catalog_changed",
    expected: COLUMNS,
    actual: definition,
    message: "the view pg_roles is not PostgreSQL's own, so that what it says of roles cannot be believed",
  });
}

const normalise = (definition: string): string =>
  definition.replaceAll(/\b(?:pg_authid|s)\./gu, "").replaceAll(/[\s()]/gu, "");
