import type { Lane } from "./snapshot.ts";

interface TypeRow {
  readonly name: string;
  readonly typtype: string;
  readonly is_array: boolean;
  readonly element: number;
  readonly base: number;
  readonly base_modifier: number;
  readonly relation: number;
  readonly subtype: number;
}

/**
 * Describes the types of a relation's columns as the configuration does (`audit_chain_type_description`), without
 * calling a function that somebody could have replaced: what a column's text depends on beside its value. For enums
 * their labels, for composites their attributes, for domains, arrays and ranges what they are made of.
 */
export async function readColumnTypes(lane: Lane, relation: number): Promise<Map<string, string>> {
  const known = new Map<string, string>();
  const types = new Map<string, string>();
  for (const { name, type, modifier } of await attributesOf(lane, relation))
    types.set(name, await describeType(lane, type, modifier, known));
  return types;
}

async function describeType(lane: Lane, type: number, modifier: number, known: Map<string, string>): Promise<string> {
  const key = `${type} ${modifier}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  const [row] = await lane.query<TypeRow[]>`
    select pg_catalog.format_type(t.oid, ${modifier}::integer) as name, pg_catalog.concat(t.typtype) as typtype,
           (t.typcategory = 'A' and t.typelem <> 0) as is_array, t.typelem as element, t.typbasetype as base,
           t.typtypmod as base_modifier, t.typrelid as relation,
           coalesce((select r.rngsubtype from pg_catalog.pg_range as r where r.rngtypid = t.oid), 0) as subtype
      from pg_catalog.pg_type as t where t.oid = ${type}::oid`;
  const description = row === undefined ? `${type}` : `${row.name}${await innerOf(lane, type, modifier, row, known)}`;
  known.set(key, description);
  return description;
}

async function innerOf(
  lane: Lane,
  type: number,
  modifier: number,
  row: TypeRow,
  known: Map<string, string>,
): Promise<string> {
  if (row.typtype === "e") {
    const labels = await lane.query<{ label: string }[]>`
      select pg_catalog.quote_literal(pg_catalog.concat(e.enumlabel)) as label
        from pg_catalog.pg_enum as e where e.enumtypid = ${type}::oid order by e.enumsortorder`;
    return `{${labels.map(({ label }) => label).join(",")}}`;
  }
  if (row.typtype === "d") return `=${await describeType(lane, row.base, row.base_modifier, known)}`;
  if (row.typtype === "c") {
    const parts: string[] = [];
    for (const attribute of await attributesOf(lane, row.relation))
      parts.push(`${attribute.quoted} ${await describeType(lane, attribute.type, attribute.modifier, known)}`);
    return `(${parts.join(",")})`;
  }
  if (row.is_array)
    return (await isMadeUp(lane, row.element)) ? `=${await describeType(lane, row.element, modifier, known)}[]` : "";
  if (row.typtype === "r")
    return (await isMadeUp(lane, row.subtype)) ? `=${await describeType(lane, row.subtype, -1, known)}` : "";
  return "";
}

/** Whether a type is an enum, a domain or a composite. */
async function isMadeUp(lane: Lane, type: number): Promise<boolean> {
  const rows = await lane.query`
    select from pg_catalog.pg_type as t where t.oid = ${type}::oid and pg_catalog.concat(t.typtype) in ('e', 'd', 'c')`;
  return rows.length > 0;
}

async function attributesOf(lane: Lane, relation: number) {
  return await lane.query<{ name: string; quoted: string; type: number; modifier: number }[]>`
    select pg_catalog.concat(a.attname) as name, pg_catalog.quote_ident(pg_catalog.concat(a.attname)) as quoted,
           a.atttypid as type, a.atttypmod as modifier
      from pg_catalog.pg_attribute as a
     where a.attrelid = ${relation}::oid and a.attnum > 0 and not a.attisdropped order by a.attnum`;
}
