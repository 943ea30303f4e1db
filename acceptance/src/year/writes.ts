import type { Sql, TransactionSql } from "postgres";
import { sqlState } from "@scidex/audit-core";
import type { Draw } from "./draw.ts";
import { type Column, keyOf, plainColumns, readTables, type Table } from "./tables.ts";

/** Numbers that no key has been made of yet, over all weeks. */
export type Fresh = () => number;

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** A value of a type, as SQL writes it. Keys are made of a number of their own. */
export function valueOf({ type, isEnum }: Pick<Column, "type" | "isEnum">, draw: Draw, n: number): string {
  const bare = type.replace(/\(.*\)/u, "");
  if (isEnum)
    return `(select e.enumlabel from pg_enum as e where e.enumtypid = ${quoted(type)}::regtype order by md5(e.enumlabel || ${n}) limit 1)::${type}`;
  if (bare === "smallint") return String(draw.between(-9, 9));
  if (bare === "integer" || bare === "bigint") return String(n);
  if (bare === "numeric") return `${draw.between(0, 99)}.${draw.between(10, 99)}`;
  if (bare === "double precision" || bare === "real") return draw.pick(["0.1", "'-0'", "1e20", "'NaN'", String(n)]);
  if (bare === "boolean") return draw.pick(["true", "false"]);
  if (bare === "date") return `date '2026-01-01' + ${n % 360}`;
  if (bare.startsWith("timestamp"))
    return `timestamptz '2026-01-01 00:00:00+00' + interval '1 second' * ${n}.${draw.between(0, 999)}`;
  if (bare === "uuid") return `md5(${quoted(`key ${n}`)})::uuid`;
  if (bare === "jsonb" || bare === "json")
    return quoted(JSON.stringify({ n, 'odd "key"': draw.pick([null, true, 0.1, "ä"]) }));
  if (bare === "text[]") return `array['a', ${quoted(`b ${n}`)}, null]`;
  if (bare === "inet") return quoted(`10.0.${draw.between(0, 255)}.1`);
  if (bare === "bytea") return `'\\x${n.toString(16).padStart(8, "0")}'`;
  if (bare === "character") return quoted(`c${n % 1000}`);
  const [, length] = /^character varying\((\d+)\)$/u.exec(type) ?? [];
  if (length !== undefined) return `left('ä ${n} of some length', ${length})`;
  return quoted(draw.pick(["", "ä ü", `text ${n}`, "line\nline\t", "🜁 beyond"]) + n);
}

/** One row more. Columns with a default, and those that may be NULL, are written in `others` of a hundred cases. */
export function insertInto(table: Table, draw: Draw, fresh: Fresh, others = 70): string {
  const n = fresh();
  const columns = table.columns.filter(
    ({ isGenerated, isKey, isNotNull, hasDefault }) =>
      !isGenerated && (isKey || (isNotNull && !hasDefault) || draw.chance(others)),
  );
  const values = columns.map((column) =>
    column.isEnum || column.isKey ? valueOf(column, draw, n) : valueOf(column, draw, draw.between(1, 9999)),
  );
  return `insert into ${table.relation} (${columns.map(({ name }) => name).join(", ")}) overriding system value values (${values.join(", ")})`;
}

/** One row of those that are there, by the order of hashes: a condition on it. */
function someRow(table: Table, n: number): string {
  const key = keyOf(table)
    .map(({ name }) => name)
    .join(", ");
  return `(${key}) = (select ${key} from ${table.relation} as t order by md5(t::text || '${n}') limit 1)`;
}

export function changeOne(table: Table, draw: Draw, fresh: Fresh): string {
  const column = draw.pick(plainColumns(table));
  return `update ${table.relation} set ${column.name} = ${valueOf(column, draw, fresh())} where ${someRow(table, fresh())}`;
}

const deleteOne = (table: Table, fresh: Fresh): string =>
  `delete from ${table.relation} where ${someRow(table, fresh())}`;

const LEVELS = ["read committed", "repeatable read", "serializable"] as const;
const RETRIED = new Set(["40001", "40P01", "0A000"]);

/** What the application does to each of its tables on a day: rows come, and those of tables that are no logs change and go. */
export async function writeEverywhere(sql: Sql, draw: Draw, fresh: Fresh): Promise<void> {
  for (const table of await readTables(sql)) {
    const statements = Array.from({ length: draw.between(1, 3) }, () => insertInto(table, draw, fresh));
    if (!table.isLog) {
      if (plainColumns(table).length > 0) statements.push(changeOne(table, draw, fresh));
      if (draw.chance(30)) statements.push(deleteOne(table, fresh));
      statements.push(insertInto(table, draw, fresh));
    }
    await inOneTransaction(sql, draw, async (tx) => {
      for (const statement of statements) await tx.unsafe(statement);
    });
  }
}

async function inOneTransaction(sql: Sql, draw: Draw, work: (tx: TransactionSql) => Promise<void>): Promise<void> {
  const level = draw.pick(LEVELS);
  for (let attempt = 1; ; attempt++) {
    try {
      await sql.begin(`isolation level ${level}`, work);
      return;
    } catch (error) {
      if (!RETRIED.has(sqlState(error) ?? "") || attempt > 100) throw error;
    }
  }
}
