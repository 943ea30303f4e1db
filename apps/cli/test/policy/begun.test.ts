/** A backup is put back, the publisher begins another log, and the auditor approves it. */
import { readFile, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Ended, jsonOf } from "../run-cli.ts";
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

/** Publishes twice, with a policy that approves the newer head, and puts the database back to the older one. */
async function restored(): Promise<void> {
  await ok("publish");
  await log.db.sql`insert into orders values (2, 20), (3, 30)`;
  await ok("publish");
  await writeFile(log.file, (await ok("policy")).stdout);
  await log.db.sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`delete from public.audit_chain where seq > 2`;
    await tx`delete from orders where id > 1`;
  });
}

const verify = async (): Promise<Ended> => await run("verify", "--policy", log.file);

describe("a backup that was put back", () => {
  it("takes one command of the publisher and one approval, and stays in every report", async () => {
    await restored();
    expect((await run("publish")).stdout).toContain("audit-publisher begin");
    const before = await verify();
    expect(before.code).toBe(1);
    expect(before.stdout).toContain("audit-publisher begin");

    const begun = await run("begin", "--reason", "INC-7: restored Saturday");
    expect(begun.code, begun.stderr).toBe(0);
    expect(begun.stdout).toContain("what it had published from 3 to 4 is lost");
    expect((await verify()).code).toBe(1);

    const shown = await run("policy", "--diff", log.file);
    expect(shown.code).toBe(4);
    expect(shown.stdout).toMatch(/^log: .*INC-7: restored Saturday.*has signed it, too.*needs approval$/mu);
    await ok("policy", "--approve", log.file);
    const { logs, approved } = JSON.parse(await readFile(log.file, "utf8")) as { logs: object[]; approved: object };
    expect(logs).toMatchObject([{ origin: "example.org/orders/2" }]);
    expect(approved).toMatchObject({ seq: 3 });

    const after = await verify();
    expect(after.code, after.stdout).toBe(0);
    expect(after.stdout).toMatch(/^INTACT/u);
    expect(after.stdout).toMatch(
      /^earlier log example\.org\/orders ended at seq 4; example\.org\/orders\/2 began.*INC-7/mu,
    );
    await log.db.sql`insert into orders values (2, 21)`;
    await ok("publish");
    expect((await verify()).code).toBe(0);
    expect(jsonOf(await run("policy", "--diff", log.file, "--json"))).toMatchObject({ changes: [], logs: [] });
    log.env["AUDIT_POLICY"] = log.file;
    expect((await run("status")).stdout).not.toContain("another log");
  });

  it("is not approved where a log begins after what was shown", async () => {
    await restored();
    const begin = async (reason: string): Promise<Ended> => await run("begin", "--reason", reason);
    expect((await begin("first")).code).toBe(0);
    expect((await run("policy", "--diff", log.file)).code).toBe(4);
    expect((await begin("second")).code).toBe(0);
    const ended = await run("policy", "--approve", log.file);
    expect(ended.code).toBe(1);
    expect(ended.stdout).toContain("begins another log");
    expect(JSON.parse(await readFile(log.file, "utf8"))).not.toHaveProperty("logs");
    expect((await run("policy", "--diff", log.file)).stdout.match(/^log: /gmu)).toHaveLength(2);
    await ok("policy", "--approve", log.file);
    expect((await verify()).code).toBe(0);
  });
});
