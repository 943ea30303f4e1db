/** Links that were lost or changed are written back from the published tree, and from nothing that was not signed. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createLogin } from "@scidex/audit-testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openLog, type PolicyLog } from "../policy/open-log.ts";
import { type Ended, jsonOf } from "../run-cli.ts";

let log: PolicyLog;
let env: Record<string, string>;
beforeEach(async () => {
  log = await openLog();
  // It may be a disk that is not mounted: no publisher makes it.
  mkdirSync(join(log.folder, "tree"));
  env = { ...log.env, AUDIT_SINKS: `tiles:${join(log.folder, "tree")},file:${join(log.folder, "b.log")}` };
  await log.db.sql.unsafe(`
    create table orders (id int primary key, item text); select public.audit_chain_attach('public.orders', mode => 'strict', changes => 'track');
    insert into orders select n, 'item ' || n from generate_series(1, 300) as n; update orders set item = 'other' where id < 20`);
  await ok("publish");
  writeFileSync(log.file, await ok("policy"));
});
afterEach(async () => await log.close());

const run = async (...args: readonly string[]): Promise<Ended> => await log.db.run(args, { env });
async function ok(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(...args);
  expect(code, `${args.join(" ")}: ${stdout}${stderr}`).toBe(0);
  return stdout;
}
const attack = async (statements: string): Promise<void> =>
  void (await log.db.sql.begin(
    async (tx) => await tx.unsafe(`set local session_replication_role = replica; ${statements}`),
  ));
const chain = async () => await log.db.sql`select c::text from audit_chain as c where seq <= 320 order by seq`;
const repair = async (...more: string[]) =>
  await run("repair-links", "--from", `tiles:${join(log.folder, "tree")}`, ...more);
const checksOf = async (): Promise<string[]> => {
  const { divergences } = jsonOf(await run("verify", "--json", "--policy", log.file)) as {
    divergences: { check: string }[];
  };
  return [...new Set(divergences.map(({ check }) => check))];
};

it("brings deleted and changed links back byte for byte, records it, and is clean once that is approved", async () => {
  const before = await chain();
  await attack(`delete from audit_chain where seq in (17, 40, 41); update audit_chain set payload_hash = sha256('x') where seq = 55;
    update audit_chain set event_pk = 'é' where seq = 100; update audit_chain set appended_at = 'infinity' where false; delete from audit_chain where seq > 315`);
  const planned = await repair("--dry-run");
  expect([planned.code, planned.stdout]).toEqual([
    0,
    expect.stringContaining("would be written back, and was missing: link 17, links 40 to 41, links 316 to 320"),
  ]);
  expect(await checksOf()).toContain("gap");
  const done = await repair("--json");
  expect(jsonOf(done)).toEqual({
    published: 320,
    missing: [17, 40, 41, 316, 317, 318, 319, 320],
    changed: [55, 100],
    written: true,
  });
  expect(await chain()).toEqual(before);
  expect(await checksOf()).toEqual(["coverage_narrowed"]);
  const [row] = await log.db.sql`select repaired from audit_chain_config where action = 'repair'`;
  const repaired = row?.["repaired"] as Record<string, string>;
  expect(Object.keys(repaired)).toEqual([
    "the link 17",
    "the link 55",
    "the link 100",
    "the links 40 to 41",
    "the links 316 to 320",
  ]);
  expect(JSON.parse(repaired["the link 100"] ?? "")).toMatchObject({ seq: 100, event_pk: "é" });
  // Links stay as they are for everybody, as before.
  await expect(log.db.sql`delete from audit_chain where seq = 1`).rejects.toMatchObject({ code: "AC004" });
  await ok("publish");
  await ok("policy", "--approve", log.file);
  await ok("verify", "--policy", log.file);
  expect(await repair()).toMatchObject({
    code: 0,
    stdout: "All 321 links that were published are in the database as they were. Nothing was changed.\n",
  });
});

it("takes nothing from a tree that does not hash to what was signed, nor with other keys", async () => {
  await attack("delete from audit_chain where seq = 17");
  const before = await chain();
  const entries = readdirSync(join(log.folder, "tree"), { recursive: true, encoding: "utf8" }).filter((name) =>
    /entries.*\d$/u.test(name),
  );
  for (const name of entries) {
    const file = join(log.folder, "tree", name);
    const bytes = readFileSync(file);
    // Another payload hash, in a form that is a leaf's.
    writeFileSync(
      file,
      Buffer.from(
        bytes
          .toString("latin1")
          .replace(/"payload_hash":"(.)/gu, (_, digit: string) => `"payload_hash":"${digit === "0" ? "1" : "0"}`),
        "latin1",
      ),
    );
    const refused = await repair();
    expect([refused.code, refused.stderr]).toEqual([3, expect.stringContaining("do not hash to the signed root")]);
    writeFileSync(file, bytes.subarray(0, -1));
    expect((await repair()).code).toBe(3);
    writeFileSync(file, bytes);
  }
  expect(entries.length).toBeGreaterThan(0);
  const other = join(log.folder, "other.key");
  env["AUDIT_VERIFIER_KEYS"] = (await ok("keygen", "--name", "example.org/orders", "--out", other))
    .trim()
    .replaceAll("\n", ",");
  expect((await repair()).code).toBe(3);
  expect(await chain()).toEqual(before);
});

describe("a chain that goes on from another history", () => {
  it("is left alone where links were cut and others recorded since, unless that is meant", async () => {
    await attack("delete from audit_chain where seq > 310");
    await log.db.sql`insert into orders values (1001, 'since')`;
    const { code, stderr } = await repair();
    expect([code, stderr]).toEqual([
      3,
      expect.stringContaining("from link 311 on, all links to the chain's end are others than were published"),
    ]);
    expect((await repair("--replace")).code).toBe(0);
    // What was recorded in their place is gone, and its row says so.
    expect(await checksOf()).toEqual(expect.arrayContaining(["coverage_narrowed", "source_unchained"]));
  });

  it("is never written over where it goes on behind what was published", async () => {
    await attack("delete from audit_chain where seq > 318");
    await log.db.sql`insert into orders select n, 'since' from generate_series(1001, 1009) as n`;
    for (const args of [[], ["--replace"]]) {
      const { code, stderr } = await repair(...args);
      expect([code, stderr]).toEqual([3, expect.stringContaining("does not follow the last of them")]);
    }
  });
});

it("refuses where an event stands under another seq too, and a login that may not", async () => {
  await attack(`delete from audit_chain where seq = 17;
    insert into audit_chain select 900, event_kind, '17', payload_hash, event_hash, prev_hash, chain_hash, before_hash, appended_at from audit_chain where seq = 320`);
  const { code, stderr } = await repair();
  expect([code, stderr]).toEqual([3, expect.stringContaining("does not follow the last of them")]);
  await attack(
    "delete from audit_chain where seq = 900; delete from audit_chain where seq = 320; update audit_chain set event_kind = 'orders', event_pk = '16' where seq = 319",
  );
  // Both are written back in one go, whichever comes first.
  expect((await repair("--replace")).code).toBe(0);
  await attack("delete from audit_chain where seq = 17");
  const login = await createLogin(log.db.sql, { grant: ["scidex_audit_inspector"] });
  const refused = await log.db.run(["repair-links", "--from", `tiles:${join(log.folder, "tree")}`], {
    env: { ...env, AUDIT_DATABASE_URL: login.url },
  });
  expect(refused.code).toBe(3);
  const wrong = await run("repair-links", "--from", `file:${join(log.folder, "b.log")}`);
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("expected a sink that keeps the tree")]);
});
