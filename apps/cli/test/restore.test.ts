/** `audit-chain restore`: a row that was changed or deleted past its trigger comes back, and nothing else does. */
import { createLogin } from "@scidex/audit-testkit";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ChainDatabase, chainDatabase } from "./chain-database.ts";
import { jsonOf } from "./run-cli.ts";

let db: ChainDatabase;
const folder = mkdtempSync(join(tmpdir(), "audit-restore-"));
beforeAll(async () => (db = await chainDatabase()));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await db.drop();
});

const past = async (statement: string) => {
  await db.sql.begin(async (tx) => await tx.unsafe(`set local session_replication_role = replica; ${statement}`));
};

const verify = async () => await db.run(["verify", "--allow-unanchored", "--checks", "links,sources", "--json"]);

it("puts back what was recorded, from a file or standard input, says so, and does nothing where it is asked not to", async () => {
  const { sql } = db;
  await sql.unsafe(
    `create table orders (id int primary key, price numeric, paid boolean, note text, at timestamptz, spent money)`,
  );
  expect((await db.run(["attach", "orders", "--changes", "refuse"])).code).toBe(0);
  await sql.unsafe(
    `insert into orders values (42, 12345678901234567890.10, true, null, '2026-04-28 12:00:00.5+00', 1234.5), (43, 1, false, 'é', null, null)`,
  );
  await sql`select audit_chain_seal(10)`;
  // As a driver writes it, and as the database does.
  const file = join(folder, "42.json");
  writeFileSync(
    file,
    `{"id":42,"price":12345678901234567890.10,"paid":true,"note":null,"at":"2026-04-28T14:00:00.500+02:00","spent":"$1,234.50"}`,
  );
  const [{ row } = { row: "" }] = await sql<
    { row: string }[]
  >`select row_to_json(o)::text as row from orders as o where id = 43`;
  await past("update orders set price = 1 where id = 42; delete from orders where id = 43");
  expect((await verify()).code).toBe(1);

  const login = await createLogin(sql, { grant: ["scidex_audit_retention"] });
  const env = { AUDIT_DATABASE_URL: login.url };
  const without = await db.run(["restore", "orders", "42", "--row", file], { env });
  expect(without.code).toBe(3);
  expect(without.stderr).toContain("permission denied");
  await sql.unsafe(`grant select, insert, update on orders to "${login.name}"`);
  const tried = await db.run(["restore", "orders", "42", "--row", file, "--dry-run"], { env });
  expect(tried).toMatchObject({ code: 0, stderr: "" });
  expect(tried.stdout).toMatch(
    /^orders 42: can be put back, as it was recorded at seq \d+\n {2}it hashes to [0-9a-f]{64}; the row that was there to [0-9a-f]{64}\n {2}nothing was changed\n$/u,
  );
  expect((await verify()).code).toBe(1);
  const other = await db.run(["restore", "orders", "42", "--row", "-"], { env, input: '{"id":42,"price":2}' });
  expect([other.code, other.stderr]).toEqual([
    3,
    expect.stringMatching(
      /the row 42 of public\.orders hashes to [0-9a-f]{64} as it was put back, and [0-9a-f]{64} was recorded at seq \d+/u,
    ),
  ]);
  const done = await db.run(["restore", "orders", "42", "--row", file, "--json"], { env });
  expect(jsonOf(done)).toEqual({
    kind: "orders",
    pk: "42",
    seq: expect.any(Number),
    payload_hash: expect.stringMatching(/^[0-9a-f]{64}$/u),
    before_hash: expect.stringMatching(/^[0-9a-f]{64}$/u),
    dry_run: false,
  });
  const missing = await db.run(["restore", "orders", "43", "--row", "-"], { env, input: row });
  expect(missing.stdout).toMatch(
    /^orders 43: is put back, .*\n.*; there was no row\n {2}the event orders:restore says so/u,
  );
  const verified = await verify();
  expect([verified.code, jsonOf(verified)]).toMatchObject([0, { restored: [{ kind: "orders", rows: 2 }] }]);
  const looked = await db.run(["lookup", "--kind", "orders", "--pk", "43", "--payload", "-"], { input: row });
  expect(looked.code).toBe(0);
  expect(looked.stdout).toMatch(/^seq \d+: put back as it was recorded, 2.*Z; there was no row$/mu);
});

it("says of another row what it hashes to and what was recorded, and of a file what is wrong with it", async () => {
  const { sql } = db;
  await sql.unsafe("create table tracked (id int primary key, note text)");
  expect((await db.run(["attach", "tracked", "--changes", "track"])).code).toBe(0);
  await sql`insert into tracked values (1, 'a'), (2, 'b')`;
  await sql`delete from tracked where id = 2`;
  await sql`select audit_chain_seal(10)`;
  const refusal = async (key: string, row: string, ...more: string[]) => {
    const { code, stderr } = await db.run(["restore", "tracked", key, "--row", "-", ...more], { input: row });
    return [code, stderr.replaceAll(/[0-9a-f]{64}/gu, "HASH")];
  };
  expect(await refusal("1", '{"id":1,"note":"a"}')).toEqual([
    3,
    expect.stringContaining("there is nothing to put back"),
  ]);
  expect(await refusal("2", '{"id":2,"note":"b"}')).toEqual([
    3,
    expect.stringMatching(/was deleted lawfully, which is seq \d+/u),
  ]);
  expect(await refusal("3", '{"id":3}')).toEqual([3, expect.stringContaining("nothing is recorded of a row 3")]);
  await past("update tracked set note = 'x' where id = 1");
  for (const more of [[], ["--dry-run"]])
    expect(await refusal("1", '{"id":1,"note":"b"}', ...more)).toEqual([
      3,
      expect.stringMatching(
        /the row 1 of public\.tracked hashes to HASH as it was put back, and HASH was recorded at seq \d+.*Nothing was changed.*AC001/su,
      ),
    ]);
  expect(await refusal("1", '{"id":1,"nota":"a"}')).toEqual([
    2,
    expect.stringContaining("has no columns named 'nota'"),
  ]);
  expect(await refusal("1", "[1]")).toEqual([2, expect.stringContaining("it is no JSON object")]);
  expect(await refusal("1", '{"id":1,"id":2}')).toEqual([2, expect.stringContaining("readers differ")]);
  expect(await sql`select note from tracked`).toEqual([{ note: "x" }]);
});
