import { writeFileSync } from "node:fs";
import { type Attack, type Attacked, kindOf, type Means } from "./attack.ts";
import { auditChain, expectExit } from "./commands.ts";
import { coveredColumns, keyOf, type Table } from "./tables.ts";
import { insertInto, valueOf } from "./writes.ts";

/** A row as the chain names it. */
const pkOf = (table: Table): string => {
  const texts = keyOf(table).map(({ name }) => `concat(${name})`);
  return texts.length === 1
    ? (texts[0] ?? "")
    : `concat('[', concat_ws(',', ${texts.map((text) => `to_json(${text})::text`).join(", ")}), ']')`;
};

async function someRow({ sql, draw }: Means, table: Table): Promise<string> {
  const rows = await sql.unsafe<{ pk: string }[]>(`select ${pkOf(table)} as pk from ${table.relation} order by 1`);
  return draw.pick(rows).pk;
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** Keeps a row of a table and gives back how to put it back as it was: by SQL, or through the door for that. */
async function keep(means: Means, table: Table, pk: string): Promise<() => Promise<void>> {
  const { sql, draw, platform } = means;
  const condition = `${pkOf(table)} = ${quoted(pk)}`;
  if (draw.chance(50)) {
    const [row] = await sql.unsafe<{ json: string }[]>(
      `select row_to_json(t)::text as json from ${table.relation} as t where ${condition}`,
    );
    const file = `${platform.policyFile}.row`;
    writeFileSync(file, row?.json ?? "");
    return async () => {
      const restored = await auditChain(["restore", table.relation, pk, "--row", file], {
        AUDIT_DATABASE_URL: platform.url("superuser"),
      });
      expectExit(`restore ${table.relation} ${pk} of ${row?.json}`, restored, 0);
    };
  }
  const columns = table.columns
    .filter(({ isGenerated }) => !isGenerated)
    .map(({ name }) => name)
    .join(", ");
  await sql.unsafe(
    `drop table if exists pg_temp.kept; create temporary table kept as select ${columns} from ${table.relation} where ${condition}`,
  );
  return async () => {
    await sql.unsafe(`delete from ${table.relation} where ${condition}`);
    await sql.unsafe(
      `insert into ${table.relation} (${columns}) overriding system value select ${columns} from pg_temp.kept`,
    );
  };
}

async function edit(means: Means): Promise<Attacked> {
  const { sql, draw, fresh } = means;
  const table = draw.pick(means.tables.filter((one) => coveredColumns(one).length > 0));
  const pk = await someRow(means, table);
  const condition = `${pkOf(table)} = ${quoted(pk)}`;
  const undo = await keep(means, table, pk);
  const text = async (): Promise<string> =>
    (await sql.unsafe<{ text: string }[]>(`select t::text as text from ${table.relation} as t where ${condition}`))[0]
      ?.text ?? "";
  const before = await text();
  for (let attempt = 0; attempt < 100; attempt++) {
    const column = draw.pick(coveredColumns(table));
    const value = !column.isNotNull && draw.chance(20) ? "null" : valueOf(column, draw, fresh());
    await sql.unsafe(`update ${table.relation} set ${column.name} = ${value} where ${condition}`);
    if ((await text()) !== before)
      return {
        said: `${column.name} of ${pk} in ${table.relation}`,
        checks: ["source_edited"],
        pk,
        ...kindOf(table),
        undo,
      };
  }
  throw new Error(`no edit changes ${pk} of ${table.relation}`);
}

async function remove(means: Means): Promise<Attacked> {
  const table = means.draw.pick(means.tables);
  const pk = await someRow(means, table);
  const condition = `${pkOf(table)} = ${quoted(pk)}`;
  const undo = await keep(means, table, pk);
  await means.sql.unsafe(`delete from ${table.relation} where ${condition}`);
  return { said: `${pk} of ${table.relation}`, checks: ["source_deleted"], pk, ...kindOf(table), undo };
}

async function smuggle(means: Means): Promise<Attacked> {
  const { sql, draw, fresh } = means;
  const table = draw.pick(means.tables);
  const keys = async (): Promise<string[]> =>
    (await sql.unsafe<{ pk: string }[]>(`select ${pkOf(table)} as pk from ${table.relation}`)).map(({ pk }) => pk);
  const before = new Set(await keys());
  await sql.unsafe(insertInto(table, draw, fresh));
  const pk = (await keys()).find((key) => !before.has(key)) ?? "";
  const undo = async () =>
    void (await sql.unsafe(`delete from ${table.relation} where ${pkOf(table)} = ${quoted(pk)}`));
  return { said: `${pk} into ${table.relation}`, checks: ["source_unchained"], pk, ...kindOf(table), undo };
}

export const ROW_ATTACKS: readonly Attack[] = [
  { name: "a row edited past the triggers", perform: edit },
  { name: "a row deleted past the triggers", perform: remove },
  { name: "a row inserted past the triggers", perform: smuggle },
];
