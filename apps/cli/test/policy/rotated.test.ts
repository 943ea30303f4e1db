/** The publisher replaces its key, and the auditor takes the new one in (case 18). */
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Ended } from "../run-cli.ts";
import { openLog, type PolicyLog } from "./open-log.ts";

let log: PolicyLog;
beforeEach(async () => {
  log = await openLog("a.log", "b.log");
  await log.db.sql.unsafe(`
    create table orders (id int primary key, amount int);
    select public.audit_chain_attach('public.orders', 'strict');
    insert into orders values (1, 10)`);
});
afterEach(async () => await log.close());

const run = async (...args: readonly string[]): Promise<Ended> => await log.db.run(args, { env: log.env });

async function ok(...args: readonly string[]): Promise<Ended> {
  const ended = await run(...args);
  expect(ended.code, ended.stdout + ended.stderr).toBe(0);
  return ended;
}

const verify = async (): Promise<Ended> => await run("verify", "--policy", log.file);

it("a key is replaced by one command, two new verifier keys and one approval", async () => {
  await ok("publish");
  await writeFile(log.file, (await ok("policy")).stdout);
  const rotated = await ok("rotate-key");
  const [first = "", second = ""] = rotated.stdout.match(/^ {12}\S+\+\S+\+\S+$/gmu)?.map((line) => line.trim()) ?? [];
  await log.db.sql`insert into orders values (2, 20)`;
  await ok("publish");
  // The verifier follows only once its own files have the new keys.
  const before = await verify();
  expect(before.code).toBe(1);
  expect(before.stdout).toContain("rotate-key");
  await appendFile(join(log.folder, "vkeys"), `${first}\n${second}\n`);
  const between = await verify();
  expect(between.code, between.stdout).toBe(0);
  expect(between.stdout + between.stderr).toContain("which the policy does not have");

  const shown = await run("policy", "--diff", log.file);
  expect(shown.code, shown.stderr).toBe(4);
  expect(shown.stdout).toMatch(/^key: .* signs nothing newer than the head of 2 links.*needs approval$/mu);
  await ok("policy", "--approve", log.file);
  const { retired_keys: retired } = JSON.parse(await readFile(log.file, "utf8")) as { retired_keys: object[] };
  expect(retired).toMatchObject([{ last: 2 }, { last: 2 }]);
  const after = await verify();
  expect(after.code, after.stdout).toBe(0);
  expect(after.stdout + after.stderr).not.toContain("which the policy does not have");
  await ok("policy", "--diff", log.file);
  // The policy goes on knowing it when it is printed again.
  log.env["AUDIT_POLICY"] = log.file;
  expect(JSON.parse((await ok("policy", "--json")).stdout)).toHaveProperty("retired_keys.1.last", 2);
});

it("a key that was made by hand signs nothing, and its owner is told what to run", async () => {
  await ok("publish");
  const out = join(log.folder, "key2");
  const made = await ok("keygen", "--name", log.env["AUDIT_ORIGIN"] ?? "", "--out", out);
  await appendFile(join(log.folder, "vkeys"), made.stdout);
  log.env["AUDIT_SIGNING_KEY_FILE"] = out;
  const published = await run("publish");
  expect(published.code).toBe(2);
  expect(published.stderr).toContain("rotate-key");
  expect((await run("verify")).stdout).toMatch(/^INTACT/u);
});
