/**
 * Where an audit chain is: the schema that all of its objects are in, and what the names of its roles begin with. Schemas
 * belong to a database, roles to the whole server.
 *
 * All SQL of ours, in migrations and in statements, is written for the default place: objects as `public.audit_…`, roles as
 * `scidex_audit_…`. `atPlace` makes the same SQL for another. Nothing else of a chain depends on its place: neither its
 * hashes nor the definitions that the verifier expects.
 */
import { CoreError, quoted } from "../errors.ts";

export interface Place {
  readonly schema: string;
  /** For example `scidex_audit_`, of `scidex_audit_owner`. */
  readonly rolePrefix: string;
}

export const DEFAULT_PLACE: Place = { schema: "public", rolePrefix: "scidex_audit_" };

/** What the names of the chain's roles end with. */
export const ROLE_NAMES = [
  "owner",
  "writer",
  "publisher",
  "ro",
  "inspector",
  "deployer",
  "retention",
  "capture",
  "alert",
] as const;

/**
 * The place of these names; what is not given is that of the default.
 *
 * Names are lower-case letters, digits and underscores, so that they need no quotes anywhere.
 *
 * @throws {CoreError} `place_malformed`
 */
export function placeOf({ schema, rolePrefix }: Partial<Place>): Place {
  const place = { schema: schema ?? DEFAULT_PLACE.schema, rolePrefix: rolePrefix ?? DEFAULT_PLACE.rolePrefix };
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(place.schema) || /^pg_|^information_schema$/.test(place.schema))
    throw new CoreError(
      "place_malformed",
      `the schema of the audit chain is ${quoted(place.schema)}; expected at most 63 of a-z, 0-9 and _, not beginning with a digit or pg_`,
    );
  if (!/^[a-z_][a-z0-9_]{2,40}$/.test(place.rolePrefix) || /^pg_|^audit_chain_$/.test(place.rolePrefix))
    throw new CoreError(
      "place_malformed",
      `the prefix of the audit chain's roles is ${quoted(place.rolePrefix)}; expected 3 to 41 of a-z, 0-9 and _, not beginning with a digit or pg_, such as acme_audit_`,
    );
  return place;
}

/** The role of this name: `roleAt("owner", place)` is `scidex_audit_owner` in the default place. */
export const roleAt = (name: (typeof ROLE_NAMES)[number], { rolePrefix }: Place): string => `${rolePrefix}${name}`;

export const isDefaultPlace = ({ schema, rolePrefix }: Place): boolean =>
  schema === DEFAULT_PLACE.schema && rolePrefix === DEFAULT_PLACE.rolePrefix;

/** Where SQL of ours says the chain's schema: before a name of ours, or where it is meant by itself. */
const schemaPattern = (schema: string): string =>
  String.raw`\b${schema}(?=\.(?:"?(?:audit_|senate_)|%I|'|$)|'::(?:pg_catalog\.)?regnamespace|, pg_temp)|(?<=\bschema |to_regnamespace\(')${schema}\b`;
const rolePattern = (prefix: string): string => String.raw`\b${prefix}(?=(?:${ROLE_NAMES.join("|")})\b)`;

const SHIPPED_SCHEMA = new RegExp(schemaPattern(DEFAULT_PLACE.schema), "g");
const SHIPPED_ROLES = new RegExp(rolePattern(DEFAULT_PLACE.rolePrefix), "g");
const QUOTED_OR_SHIPPED = new RegExp(
  String.raw`"${DEFAULT_PLACE.schema}"(?=\."(?:audit_|senate_))|"(?:[^"]|"")*"|${SHIPPED_SCHEMA.source}|${SHIPPED_ROLES.source}`,
  "g",
);

/** SQL or a message of ours, written for the default place, for another. What is there already stays as it is. */
export const atPlace = (text: string, { schema, rolePrefix }: Place): string =>
  text.replace(SHIPPED_SCHEMA, schema).replace(SHIPPED_ROLES, rolePrefix);

/** The same of a statement that names audited tables too: what stands in double quotes is not ours, unless all of it is. */
export const statementAt = (statement: string, place: Place): string =>
  statement.replace(QUOTED_OR_SHIPPED, (found) => {
    if (found === `"${DEFAULT_PLACE.schema}"`) return `"${place.schema}"`;
    if (found === DEFAULT_PLACE.schema) return place.schema;
    if (found === DEFAULT_PLACE.rolePrefix) return place.rolePrefix;
    return /^"\w+"$/.test(found) ? found.replace(SHIPPED_ROLES, place.rolePrefix) : found;
  });

/**
 * What was read at a place, as it is shipped: its hash can be compared with what the default place has.
 *
 * Null where it also names what is of the default place. Two different texts never come to the same: else a function that
 * calls what somebody has put into `public` would pass for one that calls ours.
 */
export function shippedForm(text: string, { schema, rolePrefix }: Place): string | null {
  if (schema !== DEFAULT_PLACE.schema) {
    if (text.search(SHIPPED_SCHEMA) !== -1) return null;
    text = text.replace(new RegExp(schemaPattern(schema), "g"), DEFAULT_PLACE.schema);
  }
  if (rolePrefix === DEFAULT_PLACE.rolePrefix) return text;
  return text.search(SHIPPED_ROLES) === -1
    ? text.replace(new RegExp(rolePattern(rolePrefix), "g"), DEFAULT_PLACE.rolePrefix)
    : null;
}
