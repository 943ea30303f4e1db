// How our functions reach their rows: by an index, whatever the planner knows of the tables, and never compiled.
import { afterAll, beforeAll, expect, test } from "vitest";
import { attach } from "../src/index.ts";
import { chainDatabase, connect } from "./database.ts";

let database: Awaited<ReturnType<typeof chainDatabase>>;
beforeAll(async () => {
  database = await chainDatabase();
  await database.sql.unsafe(`
    create table notes (id bigint generated always as identity primary key, body text);
    create table tasks (id int primary key, state text)`);
  await attach(database.db, "notes", { mode: "strict" });
  await attach(database.db, "tasks", { mode: "strict", changes: "track" });
});
afterAll(async () => database.drop());

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Total Cost": number;
  readonly Plans?: readonly PlanNode[];
}

interface LoggedPlan {
  readonly "Query Text": string;
  readonly Plan: PlanNode;
  readonly JIT?: unknown;
}

const nodes = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodes)];

/** The plans of all statements that `script` runs, nested ones included, in a fresh session that compiles what it may. */
async function plansOf(script: string): Promise<LoggedPlan[]> {
  const plans: LoggedPlan[] = [];
  await using client = connect(database.url, {
    onnotice: ({ message }) => {
      const start = message?.indexOf("plan:\n") ?? -1;
      if (message !== undefined && start >= 0) plans.push(JSON.parse(message.slice(start + 6)) as LoggedPlan);
    },
  });
  // Thresholds as PostgreSQL has them: what is compiled here is compiled in production, where LLVM is installed.
  await client.sql
    .unsafe(`load 'auto_explain'; set jit = on; set auto_explain.log_min_duration = 0; set auto_explain.log_analyze = on;
    set auto_explain.log_nested_statements = on; set auto_explain.log_format = json; set client_min_messages = log`);
  await client.sql.unsafe(script);
  return plans;
}

/** Each in a transaction and a session of its own: whoever comes first makes the plan of a shared function. */
const WRITES = [
  "insert into notes (body) values ('one')",
  "insert into notes (body) select 'many' from generate_series(1, 20)",
  "insert into tasks values (-1, 'new'); update tasks set state = 'open' where id = -1; delete from tasks where id = -1",
  "select audit_chain_append('door', gen_random_uuid()::text, sha256('x'))",
  `select audit_chain_append_many(array['door', 'door'], array[gen_random_uuid()::text, gen_random_uuid()::text], array[sha256('x'), sha256('y')])`,
  "select audit_chain_enqueue('door', gen_random_uuid()::text, sha256('x')); select audit_chain_seal(1000)",
];

/** Tables that grow: a scan of them, kept as a plan, costs more with every commit. */
const GROWING = ["audit_chain", "audit_chain_ticket"];

const ANALYZE = "analyze audit_chain, audit_chain_pending, audit_chain_ticket, audit_chain_lock";

test.each([
  ["empty, and nothing known of it", "select"],
  ["empty, and analyzed so", ANALYZE],
  ["short", `insert into notes (body) values ('one'); ${ANALYZE}`],
  ["long", `insert into notes (body) select 'many' from generate_series(1, 5000); ${ANALYZE}`],
])("a chain that is %s is reached by its indexes, and nothing is compiled", async (_, prepare) => {
  const { sql } = database;
  await using client = connect(database.url);
  await client.sql.unsafe(prepare);
  const plans = (await Promise.all(WRITES.map(plansOf))).flat();
  // Capture, ticket, link, extend and lock are among them.
  for (const table of ["audit_chain_pending", "audit_chain_ticket", "audit_chain", "audit_chain_lock"]) {
    expect(plans.some(({ Plan }) => nodes(Plan).some((node) => node["Relation Name"] === table))).toBe(true);
  }
  const odd = plans.filter(
    ({ Plan, JIT }) =>
      JIT !== undefined ||
      // From here on PostgreSQL compiles. What cannot be planned without something disabled has 10,000,000,000, up to 17.
      Plan["Total Cost"] >= 100_000 ||
      nodes(Plan).some((node) => node["Node Type"] === "Seq Scan" && GROWING.includes(node["Relation Name"] ?? "")),
  );
  expect(odd.map((plan) => `${plan["Query Text"]} ${JSON.stringify(plan.Plan)}`)).toEqual([]);
  expect(await sql`select current_setting('jit_above_cost') as cost`).toEqual([{ cost: "100000" }]);
});

test("each function with settings for the planner keeps it from compiling too", async () => {
  const rows = await database.sql<{ name: string; settings: string }[]>`
    select proname as name, proconfig::text as settings from pg_proc
     where starts_with(proname, 'audit_chain') and proconfig::text ~ 'enable_seqscan|plan_cache_mode' order by 1`;
  expect(rows.map(({ name }) => name)).toContain("audit_chain_commit");
  for (const { name, settings } of rows) expect([name, settings]).toEqual([name, expect.stringContaining("jit=off")]);
});
