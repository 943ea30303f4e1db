/** `audit-chain retire`: rows of a table that refuses changes leave by its retention. */
import { createLogin } from "@scidex/audit-testkit";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ChainDatabase, chainDatabase } from "./chain-database.ts";
import { jsonOf } from "./run-cli.ts";

let db: ChainDatabase;
const folder = mkdtempSync(join(tmpdir(), "audit-retire-"));
beforeAll(async () => (db = await chainDatabase()));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await db.drop();
});

const configure = async (tables: object) => {
  const file = join(folder, "audit.config.json");
  writeFileSync(file, JSON.stringify({ tables }));
  return await db.run(["sync", file]);
};

it("deletes what has passed the retention that sync has recorded, of all partitions, and nothing younger", async () => {
  const { sql } = db;
  await sql.unsafe(`create table facts (id int primary key) partition by range (id);
    create table facts_1 partition of facts for values from (0) to (2000); create table facts_2 partition of facts for values from (2000) to (9000)`);
  const none = await configure({ "public.facts": {} });
  expect(none.code).toBe(0);
  await sql`insert into facts select generate_series(900, 2100)`;
  await sql`select audit_chain_seal(10000), pg_sleep(2.1)`;
  const refused = await db.run(["retire", "facts", "--before", "2s"]);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/rows of public\.facts have no retention.*audit\.config\.json/su);
  expect((await configure({ "public.facts": { retention: "P400D" } })).stdout).toContain("public.facts");
  expect((await db.run(["retire", "facts", "--before", "2s"])).stderr).toMatch(/are kept for P400D/u);
  expect((await configure({ "public.facts": { retention: "PT2S" } })).code).toBe(0);
  expect((await db.run(["sync", join(folder, "audit.config.json"), "--check"])).code).toBe(0);
  await sql`insert into facts values (3000)`;
  await sql`select audit_chain_seal(10000)`;
  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`delete from facts where id = 1000`;
  });
  // Nobody but its member who may delete from the table.
  const login = await createLogin(sql, { grant: ["scidex_audit_retention"] });
  const env = { AUDIT_DATABASE_URL: login.url };
  expect((await db.run(["retire", "facts", "--before", "1w"], { env })).stderr).toContain("permission denied");
  await sql.unsafe(`grant select, delete on facts, facts_1, facts_2 to "${login.name}"`);
  await sql`select pg_sleep(5)`;
  await sql`insert into facts values (3001)`;
  await sql`select audit_chain_seal(10000)`;
  const [age] = await sql<{ s: number }[]>`
    select floor(extract(epoch from clock_timestamp() - appended_at))::int as s from audit_chain where event_pk = '3000'`;
  const ended = await db.run(["retire", "facts", "--before", `${age?.s}s`, "--json"], { env });
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  expect(jsonOf(ended)).toEqual({ table: "facts", retired: 1201, different: 0 });
  expect(await sql`select id from facts where id > 3000`).toEqual([{ id: 3001 }]);
  expect(await sql`select count(*)::int as n from audit_chain where event_kind = 'facts:retire'`).toEqual([
    { n: 1201 },
  ]);
});

it("says which rows stay because they are not what was recorded, and ends with 3", async () => {
  const { sql } = db;
  await sql`create table edited (id int primary key, note text)`;
  await configure({ "public.edited": { retention: "PT1S" }, "public.facts": {} });
  await sql`insert into edited values (1, 'a'), (2, 'b')`;
  await sql`select audit_chain_seal(10), pg_sleep(1.1)`;
  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`update edited set note = 'x' where id = 1`;
  });
  const ended = await db.run(["retire", "edited", "--before", "1s"]);
  expect(ended.code).toBe(3);
  expect(ended.stdout).toBe(
    "edited: 1 row is deleted, each recorded as retired\n  1 row is of that age not what was recorded, and still there; run: audit-chain verify\n",
  );
  expect((await db.run(["retire", "edited", "--before", "soon"])).code).toBe(2);
});
