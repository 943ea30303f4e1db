/**
 * A name in `audit.config.json` that stands for tables: `schema.table`, each part as the catalog has it, case included.
 *
 *     public.orders        one table
 *     tenant_*.*           every table of every schema whose name begins so: * is any run of characters within a part
 *     public."a.b*"        in double quotes everything is meant as it is; a quote in them stands twice
 */
export interface TablePattern {
  /** As it was written. */
  readonly text: string;
  /** Whether it names one table. */
  readonly isExact: boolean;
  /** How many `*` it has. */
  readonly wildcards: number;
  /** The one table that it names, as SQL writes it; null for a pattern. */
  readonly relation: string | null;
  readonly matches: (table: TableName) => boolean;
}

/** A table by its schema and name, without quotes. */
export interface TableName {
  readonly schema: string;
  readonly name: string;
}

const PART = /"((?:[^"]|"")+)"|([^".]+)/uy;

/** Reads a pattern; undefined where it is none. */
export function parseTablePattern(text: string): TablePattern | undefined {
  const schema = readPart(text, 0);
  if (schema === undefined || text[schema.end] !== ".") return undefined;
  const name = readPart(text, schema.end + 1);
  if (name === undefined || name.end !== text.length) return undefined;
  const wildcards = schema.wildcards + name.wildcards;
  return {
    text,
    isExact: wildcards === 0,
    wildcards,
    relation: wildcards === 0 ? `${quoted(schema.literal)}.${quoted(name.literal)}` : null,
    matches: (table) => schema.form.test(table.schema) && name.form.test(table.name),
  };
}

/** Orders patterns: exact names first, then fewer wildcards, then longer texts. 0 where neither is more specific. */
export const bySpecificity = (a: TablePattern, b: TablePattern): number =>
  a.wildcards - b.wildcards || b.text.length - a.text.length;

interface Part {
  readonly end: number;
  readonly literal: string;
  readonly wildcards: number;
  readonly form: RegExp;
}

function readPart(text: string, from: number): Part | undefined {
  PART.lastIndex = from;
  const match = PART.exec(text);
  if (match === null) return undefined;
  const literal = match[1]?.replaceAll('""', '"') ?? match[2] ?? "";
  const runs = match[1] === undefined ? literal.split("*") : [literal];
  return {
    end: PART.lastIndex,
    literal,
    wildcards: runs.length - 1,
    form: new RegExp(`^${runs.map(escaped).join(".*")}$`, "su"),
  };
}

const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|/]/gu, String.raw`\$&`);
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
