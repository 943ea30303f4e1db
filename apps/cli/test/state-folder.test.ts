/** `AUDIT_STATE_DIR`: keys and policies that lie where nothing can be written, and states in a folder of their own. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type ChainDatabase, chainDatabase } from "./chain-database.ts";
import type { Ended } from "./run-cli.ts";

const ORIGIN = "example.org/orders";

let db: ChainDatabase;
let folder: string;
let env: Record<string, string>;
const inFolder = (name: string): string => join(folder, name);
beforeEach(async () => {
  db = await chainDatabase();
  folder = await mkdtemp(join(tmpdir(), "audit-states-"));
  for (const name of ["keys", "policy", "states", "heads"]) await mkdir(inFolder(name));
  env = {
    AUDIT_ORIGIN: ORIGIN,
    AUDIT_SINKS: `file:${inFolder("heads/head.log")}`,
    AUDIT_SIGNING_KEY_FILE: inFolder("keys/log.key"),
    AUDIT_VERIFIER_KEYS: inFolder("heads/vkeys"),
    AUDIT_STATE_DIR: inFolder("states"),
  };
  await db.sql.unsafe(`
    create table orders (id int primary key, note text);
    select public.audit_chain_attach('public.orders', 'strict'); insert into orders values (1, 'x')`);
  await writeFile(
    inFolder("heads/vkeys"),
    (await run("keygen", "--name", ORIGIN, "--out", inFolder("keys/log.key"))).stdout,
  );
});
afterEach(async () => {
  await db.drop();
  await rm(folder, { recursive: true });
});

async function run(...args: string[]): Promise<Ended> {
  const ended = await db.run(args, { env });
  expect(ended.code, `${args.join(" ")}: ${ended.stderr}${ended.stdout}`).toBe(0);
  return ended;
}

it("keeps what a log, its verifier and its auditor remember there, and writes nothing beside a key or a policy", async () => {
  await run("publish");
  await writeFile(inFolder("policy/policy.json"), (await run("policy")).stdout);
  env = { ...env, AUDIT_POLICY: inFolder("policy/policy.json") };
  await db.sql`insert into orders values (2, 'y')`;
  await run("publish");
  await run("policy", "--diff", inFolder("policy/policy.json"));
  await run("verify", "--sign", inFolder("keys/log.key"), "--nights", `file:${inFolder("heads/nights.log")}`);
  expect(await readdir(inFolder("keys"))).toEqual(["log.key"]);
  expect(await readdir(inFolder("policy"))).toEqual(["policy.json"]);
  expect((await readdir(inFolder("states"))).toSorted()).toEqual([
    "audit-verify.state",
    "log.key.nights",
    "log.key.state",
    "policy.json.shown",
  ]);
});

it("has the verifier remember what a sink held: one that is cut back is found without --state", async () => {
  await run("publish");
  const early = await readFile(inFolder("heads/head.log"));
  await db.sql`insert into orders values (2, 'y')`;
  await run("publish");
  await run("verify");
  await writeFile(inFolder("heads/head.log"), early);
  const ended = await db.run(["verify", "--json"], { env });
  expect([ended.code, ended.stdout]).toEqual([1, expect.stringContaining('"check":"sink_rewound"')]);
});
