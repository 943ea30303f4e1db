import type { Sql } from "postgres";

export const COLUMNS =
  "(id bigserial primary key, actor text not null, action text not null, details jsonb, n int, created_at timestamptz not null default now())";

/** One row in a transaction of its own. */
export const insertInto = (table: string) => async (client: Sql) =>
  await client.unsafe(
    `insert into ${table} (actor, action, details, n) values ($1, $2, $3, $4)`,
    ["agent-7", "wrote a paragraph", '{"b":1,"a":[1,2]}', 42],
    { prepare: true },
  );

/** Many rows in one statement. */
export const insertMany = async (sql: Sql, table: string, rows: number) =>
  await sql.unsafe(
    `insert into ${table} (actor, action, details, n) select 'agent-' || g, 'wrote a paragraph', '{"b":1,"a":[1,2]}', g from generate_series(1, ${rows}) as g`,
  );
