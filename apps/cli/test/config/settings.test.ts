/** Who reads `audit.config.json` for database and sinks, and who does not. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type ChainDatabase, chainDatabase } from "../chain-database.ts";
import { type Ended, jsonOf, runCli } from "../run-cli.ts";

const ORIGIN = "example.org/orders";

let db: ChainDatabase;
let folder: string;
let config: string;
let vkeys: string;
beforeEach(async () => {
  db = await chainDatabase();
  folder = await mkdtemp(join(tmpdir(), "audit-settings-"));
  config = join(folder, "audit.config.json");
  vkeys = (await runCli(["keygen", "--name", ORIGIN, "--out", join(folder, "log.key")])).stdout;
  await db.sql`create table orders (id int primary key)`;
  await writeConfig({ database: db.url, origin: ORIGIN, sinks: [`file:${join(folder, "head.log")}`] });
});
afterEach(async () => {
  await db.drop();
  await rm(folder, { recursive: true });
});

const writeConfig = async (settings: object): Promise<void> =>
  await writeFile(config, JSON.stringify({ ...settings, tables: { "public.orders": { mode: "strict" } } }));

/** In the folder of the configuration, with no other variables. */
const run = async (args: readonly string[], env: Record<string, string> = {}): Promise<Ended> =>
  await runCli(args, { cwd: folder, env });

it("says where the database is to whoever holds no key, in its folder or by its name", async () => {
  expect((await run(["sync"])).code).toBe(0);
  const state = jsonOf(await run(["status", "--json"])) as { database: string; tables: object[]; sinks: object[] };
  expect(state).toMatchObject({ database: db.name, tables: [{ mode: "strict" }], sinks: [{}] });
  const elsewhere = await runCli(["status", "--json"], { cwd: tmpdir(), env: { AUDIT_CONFIG: config } });
  expect(jsonOf(elsewhere)).toMatchObject({ database: db.name });
  await db.sql`insert into orders values (1)`;
  expect(await run(["backfill", "--dry-run"])).toMatchObject({ code: 0 });
  // The environment wins.
  const other = await run(["status"], { AUDIT_DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" });
  expect([other.code, other.stderr]).toEqual([3, expect.stringContaining("127.0.0.1:1")]);
});

it("is read by whoever holds the key only where it is named", async () => {
  const key = { AUDIT_SIGNING_KEY_FILE: join(folder, "log.key") };
  await db.sql.unsafe("select public.audit_chain_attach('public.orders', 'strict'); insert into orders values (1)");
  const unnamed = await run(["publish"], key);
  expect([unnamed.code, unnamed.stderr]).toEqual([2, expect.stringContaining("AUDIT_DATABASE_URL is not set")]);
  expect(await run(["publish", "--config", config], key)).toMatchObject({ code: 0 });
  await db.sql`insert into orders values (2)`;
  expect(await run(["publish"], { ...key, AUDIT_CONFIG: config })).toMatchObject({ code: 0 });
  expect((await readFile(join(folder, "head.log"), "utf8")).trim().split("\n")).toHaveLength(2);
});

it("is never read by whoever verifies, even where it is named", async () => {
  for (const args of [["verify"], ["policy"]]) {
    const ended = await run(args, { AUDIT_CONFIG: config, AUDIT_ORIGIN: ORIGIN, AUDIT_VERIFIER_KEYS: vkeys });
    expect([ended.code, ended.stderr]).toEqual([2, expect.stringContaining("AUDIT_DATABASE_URL is not set")]);
  }
});

it("is told of a member that is not known, and of what may be meant, by whoever reads it", async () => {
  await writeFile(config, JSON.stringify({ tabels: {} }));
  for (const args of [["status"], ["sync", "--check"], ["backfill"]])
    expect(await run(args)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("audit.config.json: tabels is not known; did you mean tables?") as string,
    });
});

it("is an error where it is wrong, which names the file and the member", async () => {
  await writeConfig({ database: "mysql://a/b" });
  for (const args of [["status"], ["sync"], ["backfill"]])
    expect(await run(args)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/audit\.config\.json: database must be postgres:/u),
    });
});
