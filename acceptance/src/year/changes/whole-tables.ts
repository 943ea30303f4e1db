import type { Draw } from "../draw.ts";
import { keyOf, type Table } from "../tables.ts";
import { type Fresh, insertInto } from "../writes.ts";
import { alter, type Change, type Plan, type Step } from "./change.ts";

const NEW_COLUMNS = "id bigint primary key, title text not null, amount numeric(10,2), made timestamptz, detail jsonb";

/** The same as a table that rows can be written into. */
const newTable = (relation: string): Table => {
  const column = (name: string, type: string, isKey = false) => ({
    name,
    type,
    isKey,
    isEnum: false,
    isNotNull: isKey || name === "title",
    hasDefault: false,
    isGenerated: false,
    isExcluded: false,
  });
  const columns = [column("id", "bigint", true), column("title", "text"), column("amount", "numeric(10,2)")];
  return { relation, schema: "shop", name: relation, kind: null, isPartitioned: false, isLog: false, columns };
};

const rename = ({ schema, name }: Table, to: string): Pick<Step, "sql" | "relation"> => ({
  sql: `alter table ${schema}.${name} rename to ${to}`,
  relation: `${schema}.${to}`,
});

function tenant({ fresh }: Plan): Step {
  const schema = `tenant_${fresh()}`;
  return {
    sql: `create schema ${schema}; create table ${schema}.invoices (${NEW_COLUMNS}); create table ${schema}.members (mail text primary key, role text)`,
    relation: null,
  };
}

export const TABLE_CHANGES: readonly Change[] = [
  {
    name: "a table is new",
    needsApproval: false,
    plan: ({ draw, fresh }) => ({
      sql: `create table shop.${draw.chance(30) ? "log_" : ""}made_${fresh()} (${NEW_COLUMNS})`,
      relation: null,
    }),
  },
  {
    name: "a table is new and has rows",
    needsApproval: false,
    plan: ({ draw, fresh }) => {
      const relation = `shop.made_${fresh()}`;
      const rows = Array.from({ length: 3 }, () => insertInto(newTable(relation), draw, fresh));
      return {
        sql: [`create table ${relation} (${NEW_COLUMNS})`, ...rows].join("; "),
        relation: null,
        backfill: [relation],
      };
    },
  },
  {
    name: "a table is renamed",
    needsApproval: true,
    plan: ({ table, fresh }) => rename(table, `${table.isLog ? "log_" : ""}named_${fresh()}`),
  },
  {
    name: "a table is moved to another schema",
    needsApproval: true,
    plan: ({ table: { schema, name, relation } }) =>
      schema === "shop"
        ? { sql: `alter table ${relation} set schema archive`, relation: `archive.${name}` }
        : undefined,
  },
  {
    name: "a table is dropped",
    needsApproval: true,
    plan: ({ table: { relation, name, schema } }) =>
      schema === "shop" && !name.startsWith("made_") ? undefined : { sql: `drop table ${relation}`, relation: null },
  },
  {
    name: "a table is dropped and made again",
    needsApproval: true,
    plan: ({ table: { relation, isPartitioned } }) =>
      isPartitioned
        ? undefined
        : { sql: `drop table ${relation}; create table ${relation} (${NEW_COLUMNS})`, relation: null },
  },
  { name: "a tenant comes", needsApproval: false, plan: tenant },
  {
    name: "a tenant goes",
    needsApproval: true,
    plan: ({ table: { schema }, tenants }) =>
      tenants.length > 1 && tenants.includes(schema)
        ? { sql: `drop schema ${schema} cascade`, relation: null }
        : undefined,
  },
  {
    name: "a partition is created",
    needsApproval: false,
    plan: ({ table, fresh }) => (isByDay(table) ? partition(table, fresh(), false) : undefined),
  },
  {
    name: "a partition is attached without rows",
    needsApproval: false,
    plan: ({ table, fresh }) => (isByDay(table) ? partition(table, fresh(), true) : undefined),
  },
  {
    name: "a partition is attached with rows",
    needsApproval: true,
    plan: ({ table, draw, fresh }) => (isByDay(table) ? filledPartition(table, draw, fresh) : undefined),
  },
  {
    name: "a table is rewritten",
    needsApproval: false,
    plan: ({ table }) => (table.isPartitioned ? undefined : alter(table, "set (fillfactor = 70)")),
  },
];

const isByDay = (table: Table): boolean => table.isPartitioned && keyOf(table).some(({ type }) => type === "date");

/** Of a day of its own, long after what is written otherwise. */
function partition({ schema, relation }: Table, n: number, isAttached: boolean): Step {
  const part = `${schema}.part_${n}`;
  const bounds = boundsOf(n);
  const sql = isAttached
    ? `create table ${part} (like ${relation} including all); alter table ${relation} attach partition ${part} ${bounds}`
    : `create table ${part} partition of ${relation} ${bounds}`;
  return { sql, relation };
}

const boundsOf = (n: number): string => `for values from (date '2030-01-01' + ${n}) to (date '2030-01-02' + ${n})`;

function filledPartition(table: Table, draw: Draw, fresh: Fresh): Step {
  const { schema, relation } = table;
  const n = fresh();
  const part = `${schema}.part_${n}`;
  const day = keyOf(table).find(({ type }) => type === "date")?.name ?? "";
  const rows = [1, 2, 3].map(() => insertInto({ ...table, relation: part }, draw, fresh));
  return {
    sql: `create table ${part} (like ${relation} including all); ${rows.join("; ")}; update ${part} set ${day} = date '2030-01-01' + ${n};
          alter table ${relation} attach partition ${part} ${boundsOf(n)}`,
    relation: null,
  };
}
