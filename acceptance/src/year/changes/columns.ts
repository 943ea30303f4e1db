import { type Column, coveredColumns, keyOf, plainColumns, type Table } from "../tables.ts";
import { alter, type Change, type Plan, type Step } from "./change.ts";
import { TYPES } from "./joins.ts";

/** A change of one covered column that the table may have. */
function ofColumn(
  plan: Plan,
  isMeant: (column: Column) => boolean,
  step: (column: Column, table: Table) => Step,
): Step | undefined {
  const columns = coveredColumns(plan.table).filter(isMeant);
  return columns.length === 0 ? undefined : step(plan.draw.pick(columns), plan.table);
}

/** Types that keep all that the one before could say, as far as it follows backwards. */
function widened(type: string): string | undefined {
  const [, precision, scale] = /^numeric\((\d+),(\d+)\)$/u.exec(type) ?? [];
  if (precision !== undefined) return `numeric(${Number(precision) + 2},${Number(scale) + 1})`;
  if (type.startsWith("character")) return "text";
  return new Map([
    ["smallint", "integer"],
    ["integer", "bigint"],
  ]).get(type);
}

/** Types that lose something, and how. */
function narrowed(type: string): readonly [type: string, using: string] | undefined {
  const [, precision, scale] = /^numeric\((\d+),([1-9]\d*)\)$/u.exec(type) ?? [];
  if (precision !== undefined) {
    const less = `numeric(${precision},${Number(scale) - 1})`;
    return [less, less];
  }
  return new Map<string, readonly [string, string]>([
    ["timestamp with time zone", ["date", "date"]],
    ["text", ["varchar(4)", "varchar(4)"]],
    ["jsonb", ["text", "text"]],
  ]).get(type);
}

const cast = (column: Column, type: string, using: string): string =>
  `alter ${column.name} drop default, alter ${column.name} type ${type} using ${column.name}::${using}`;

const isFree = ({ isEnum, hasDefault }: Column): boolean => !isEnum && !hasDefault;

/** Columns that are there already. */
export const COLUMN_CHANGES: readonly Change[] = [
  {
    name: "a column is renamed",
    needsApproval: true,
    plan: (plan) =>
      ofColumn(
        plan,
        () => true,
        ({ name }, table) => alter(table, `rename ${name} to renamed_${plan.fresh()}`),
      ),
  },
  {
    name: "two columns swap their names",
    needsApproval: true,
    plan: ({ table, draw }) => {
      const [one, other] = draw.shuffle(coveredColumns(table)).map(({ name }) => name);
      if (one === undefined || other === undefined) return undefined;
      // Rows that are written between such a migration and `sync` are recorded under the wrong names.
      return {
        ...alter(table, `rename ${one} to aside`, `rename ${other} to ${one}`, `rename aside to ${other}`),
        isInside: true,
      };
    },
  },
  {
    name: "a key column is renamed",
    needsApproval: true,
    plan: ({ table, draw, fresh }) => alter(table, `rename ${draw.pick(keyOf(table)).name} to key_${fresh()}`),
  },
  {
    name: "a column is dropped",
    needsApproval: true,
    plan: (plan) =>
      ofColumn(
        plan,
        () => plainColumns(plan.table).length > 2,
        ({ name }, table) => alter(table, `drop column ${name} cascade`),
      ),
  },
  {
    name: "a column is dropped, and another made under its name",
    needsApproval: true,
    plan: (plan) =>
      ofColumn(
        plan,
        () => true,
        ({ name }, table) =>
          alter(table, `drop column ${name} cascade`, `add column ${name} ${plan.draw.pick(TYPES).type}`),
      ),
  },
  {
    name: "a column gets a wider type",
    needsApproval: false,
    plan: (plan) =>
      ofColumn(
        plan,
        ({ type }) => widened(type) !== undefined,
        (column, table) => alter(table, `alter ${column.name} type ${widened(column.type)}`),
      ),
  },
  {
    name: "a column gets a type that loses something",
    needsApproval: true,
    plan: (plan) =>
      ofColumn(
        plan,
        (column) => isFree(column) && narrowed(column.type) !== undefined,
        (column, table) => alter(table, cast(column, ...(narrowed(column.type) ?? ["text", "text"]))),
      ),
  },
  {
    name: "a label joins an enum",
    needsApproval: false,
    plan: (plan) =>
      ofColumn(
        plan,
        ({ isEnum }) => isEnum,
        ({ type }) => ({ sql: `alter type ${type} add value 'label ${plan.fresh()}'`, relation: null }),
      ),
  },
  {
    name: "a label of an enum is renamed",
    needsApproval: true,
    plan: (plan) =>
      ofColumn(
        plan,
        ({ isEnum }) => isEnum,
        ({ type }) => ({
          sql: `alter type ${type} rename value '${plan.draw.pick(plan.labels.get(type) ?? [])}' to 'renamed ${plan.fresh()}'`,
          relation: null,
        }),
      ),
  },
  {
    name: "a column is excluded",
    needsApproval: true,
    plan: (plan) =>
      plan.table.schema !== "shop" || plan.table.isLog
        ? undefined
        : ofColumn(
            plan,
            () => plainColumns(plan.table).length > 2,
            ({ name }) => ({ sql: "", relation: null, exclude: { entry: "shop.*", column: name } }),
          ),
  },
  {
    name: "an excluded column is dropped",
    needsApproval: false,
    plan: ({ table }) => {
      const excluded = table.columns.find(({ isExcluded }) => isExcluded);
      return excluded === undefined ? undefined : alter(table, `drop column ${excluded.name}`);
    },
  },
  {
    name: "an index, a check, a default, a generated column",
    needsApproval: false,
    plan: ({ table, draw, fresh }) => {
      const key = keyOf(table)[0]?.name ?? "";
      const name = draw.pick(table.columns.filter(({ type }) => !type.startsWith("json"))).name;
      const n = fresh();
      return {
        sql: draw.pick([
          `create index index_${n} on ${table.relation} (${name})`,
          `alter table ${table.relation} add constraint check_${n} check (${name} is null or true)`,
          `alter table ${table.relation} add column generated_${n} text generated always as (md5(${key}::text)) stored`,
          `comment on table ${table.relation} is 'changed in step ${n}'; analyze ${table.relation}`,
          `alter table ${table.relation} alter ${name} set statistics 50`,
        ]),
        relation: table.relation,
      };
    },
  },
];
