// The plan that a lookup is expected to get (access/lookup.ts), against the server's own dump of the plan that it runs.
import { attach, migrate } from "@scidex/audit-schema";
import { createDatabase } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { expect, test } from "vitest";
import { LOOKUP_SETTINGS, lookupPlan, lookupStatement } from "../src/access/lookup.ts";
import { planAccess } from "../src/access/plan-access.ts";
import { readHistories } from "../src/read-histories.ts";
import { withSnapshot } from "../src/snapshot.ts";
import { interestOf } from "../src/structure/check-structure.ts";
import { readCatalog } from "../src/structure/read-catalog.ts";

const oidsIn = (dump: string, field: string): string[] => [
  ...new Set([...dump.matchAll(new RegExp(`:${field} (\\d+)`, "gu"))].map(([, oid = ""]) => oid)),
];

test("names the relations, indexes, operators and nodes of the plan that the server runs", async () => {
  await using database = await createDatabase();
  const { sql } = database;
  await migrate(drizzle(sql));
  await sql.unsafe(`create table public.pairs (a int, b text collate "C", c numeric unique, d varchar(9) unique, primary key (a, b));
    create table public.parts (id int primary key) partition by range (id);
    create table public.parts_1 partition of public.parts for values from (0) to (10);
    create table public.parts_2 partition of public.parts for values from (10) to (20)`);
  await attach(drizzle(sql), "public.pairs");
  await attach(drizzle(sql), "public.parts");
  const { tables } = await withSnapshot(sql, async ([lane]) => {
    const histories = await readHistories(lane);
    const catalog = await readCatalog(lane, interestOf(histories), async (_, read) => await read());
    return planAccess(catalog, histories, () => {});
  });
  const lookups = tables.flatMap((table) => table.lookups);
  expect(lookups.map(({ index }) => index.name).toSorted()).toEqual([
    "pairs_c_key",
    "pairs_d_key",
    "pairs_pkey",
    "parts_pkey",
  ]);

  let dump = "";
  const one = postgres(database.url, {
    max: 1,
    onnotice: ({ message, detail }) => {
      if (message === "plan:") dump += String(detail);
    },
  });
  for (const setting of LOOKUP_SETTINGS) await one.unsafe(`set ${setting}`);
  for (const lookup of lookups) {
    dump = "";
    await one.unsafe("set debug_print_plan = on; set client_min_messages = log");
    await one.unsafe(lookupStatement(lookup));
    await one.unsafe("reset debug_print_plan; reset client_min_messages");
    const plan = lookupPlan(lookup);
    expect(plan.indexes.toSorted()).toEqual(oidsIn(dump, "indexid").toSorted());
    expect(oidsIn(dump, "opno").filter((oid) => !plan.operators.includes(oid))).toEqual([]);
    for (const { equals } of lookup.columns) expect(oidsIn(dump, "opno")).toContain(equals);
    for (const node of plan.nodes) expect(dump).toContain(`{${node}`);
    expect(dump).not.toMatch(/\{(?:SEQSCAN|SORT|HASHJOIN|MERGEJOIN|FUNCEXPR|SUBPLAN)/u);
    for (const oid of plan.relations) expect(oidsIn(dump, "relid")).toContain(oid);
  }
  await one.end();
});
