/** `audit-chain accept`: an incident is closed row by row, and the next one is found (case 15). */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { ChainDatabase } from "../chain-database.ts";
import { type Ended, jsonOf } from "../run-cli.ts";
import { openLog, type PolicyLog } from "./open-log.ts";

let log: PolicyLog;
let db: ChainDatabase;
let folder: string;
let file: string;
let env: Record<string, string>;
beforeEach(async () => {
  log = await openLog("a.log", "b.log");
  ({ db, folder, file, env } = log);
  await db.sql.unsafe(`
    create table orders (id int primary key, item text); select public.audit_chain_attach('public.orders', changes => 'track');
    create table facts (id int primary key); select public.audit_chain_attach('public.facts');
    insert into facts select generate_series(1, 150)`);
  await db.sql`insert into orders values (1, 'a')`;
  await run("publish");
  await writeFile(file, (await run("policy")).stdout);
});
afterEach(async () => await log.close());

const run = async (...args: string[]): Promise<Ended> => await db.run(args, { env });
const past = async (statements: string) =>
  await db.sql.begin(async (tx) => await tx.unsafe(`set local session_replication_role = replica; ${statements}`));
const rows = ["--checks", "links,heads,sources,coverage"];
const verify = async () => await run("verify", "--json", "--policy", file, ...rows);

/** Verifies, and keeps the report. */
async function report(name = "report.json"): Promise<string> {
  const ended = await verify();
  expect(ended.code).toBe(1);
  await writeFile(join(folder, name), ended.stdout);
  return join(folder, name);
}
const accept = async (path: string, ...more: string[]): Promise<Ended> =>
  await run("accept", path, "--reason", "INC-7: loaded by hand", "--policy", file, ...more);

it("closes an incident, for good; the next forged row is found; so is a change of the accepted one", async () => {
  await past("insert into orders values (77, 'loaded with the triggers off')");
  const ended = await accept(await report());
  expect(ended).toMatchObject({ code: 0, stdout: "accepted source_unchained, orders 77\n", stderr: "" });
  const { accepted } = JSON.parse(await readFile(file, "utf8")) as { accepted: object[] };
  expect(accepted).toMatchObject([
    { check: "source_unchained", event_kind: "orders", event_pk: "77", reason: "INC-7: loaded by hand" },
  ]);
  expect((await verify()).code).toBe(0);
  // What the database says of the acceptance stays, whatever is printed or approved anew.
  await writeFile(file, (await db.run(["policy"], { env: { ...env, AUDIT_POLICY: file } })).stdout);
  await db.sql`update orders set item = 'renamed' where id = 77`;
  expect((await run("publish")).code).toBe(0);
  expect(jsonOf(await verify())).toMatchObject({ status: "intact", accepted: [{ event_pk: "77" }] });
  await past("insert into orders values (78, 'forged')");
  expect(jsonOf(await verify())).toMatchObject({
    status: "tampered",
    divergences: [{ check: "source_unchained", event_pk: "78" }],
    accepted: [{ event_pk: "77" }],
  });
  await past("delete from orders where id = 78; update orders set item = 'forged' where id = 77");
  expect(jsonOf(await verify())).toMatchObject({
    divergences: [{ check: "source_edited", event_kind: "orders:update" }],
  });
}, 120_000);

it("accepts what is named, in one entry where there are many, and says what is left", async () => {
  await past("delete from facts where id <= 120; insert into orders values (77, 'x'), (78, 'y')");
  const path = await report();
  const named = await accept(path, "--finding", "122", "--json");
  expect(jsonOf(named)).toMatchObject({ accepted: [{ event_pk: "78" }], left: 121 });
  const many = Array.from({ length: 101 }, (_, i) => String(i + 1)).join(",");
  expect(await accept(path, "--finding", many)).toMatchObject({ code: 2, stdout: "" });
  const all = await accept(await report());
  expect(all.stdout.split("\n")).toEqual([
    "accepted source_unchained, orders 77",
    "accepted source_deleted, facts (120 findings)",
    "",
  ]);
  expect((await verify()).code).toBe(0);
  await past("delete from facts where id = 121");
  expect((await verify()).code).toBe(1);
}, 120_000);

it("accepts nothing that is not found again as it was reported, and nothing that is no state of a row", async () => {
  await past("insert into orders values (77, 'reviewed')");
  const path = await report();
  const before = await readFile(file, "utf8");
  // Between the review and the acceptance.
  await past("update orders set item = 'forged' where id = 77");
  const changed = await accept(path);
  expect([changed.code, changed.stderr]).toEqual([
    3,
    expect.stringContaining("not found any more as the report has it"),
  ]);
  await past("update orders set item = 'reviewed' where id = 77; drop trigger audit_chain_guard_truncate on facts");
  const ended = await run("verify", "--json", "--policy", file);
  await writeFile(path, ended.stdout);
  const condition = await accept(path);
  expect([condition.code, condition.stderr]).toEqual([
    2,
    expect.stringMatching(/finding \d+ cannot be accepted: trigger_missing/u),
  ]);
  for (const [text, code] of [
    ["{}", 2],
    ['{"divergences":[{"check":"new_check"}]}', 2],
    ['{"divergences":[],"many":[]}', 2],
  ] as const) {
    await writeFile(path, text);
    expect((await accept(path)).code).toBe(code);
  }
  expect(await readFile(file, "utf8")).toBe(before);
}, 120_000);

it("believes no rows where the chain is not what was published, or no head can be believed", async () => {
  await past("insert into orders values (77, 'x')");
  const path = await report();
  const before = await readFile(file, "utf8");
  const blind = await db.run(["accept", path, "--reason", "r", "--policy", file], { env: { ...env, AUDIT_SINKS: "" } });
  expect([blind.code, blind.stderr]).toEqual([3, expect.stringContaining("AUDIT_SINKS is not set")]);
  await past("delete from public.audit_chain where seq = 4");
  const cut = await accept(path);
  expect([cut.code, cut.stdout]).toEqual([1, expect.stringContaining("TAMPERED")]);
  expect(await readFile(file, "utf8")).toBe(before);
}, 120_000);
