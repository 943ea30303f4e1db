import { attach } from "@scidex/audit-schema";
import type { TestDatabase } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { chainDatabase, chainedKeys, expectCovered, run, start } from "./fixture.ts";

let database: TestDatabase;

beforeEach(async () => {
  database = await chainDatabase();
});

afterEach(async () => {
  await database.drop();
});

/** A table `t` with rows, attached. */
async function table(rows: number): Promise<void> {
  const { sql } = database;
  await sql.unsafe(
    `create table t (id int primary key, body text); insert into t select g, md5(g::text) from generate_series(1, ${rows}) as g`,
  );
  await attach(drizzle(sql), "t");
}

test("the command chains what is unchained, says so, and has nothing to do the second time", async () => {
  await table(25);
  const dry = await run(database.url, "--dry-run");
  expect(dry).toMatchObject({
    exit: 0,
    stdout: "public.t: 25 of 25 rows to be chained; not complete yet\n",
    stderr: "",
  });
  const first = await run(database.url, "t", "--order-by", "body", "--batch", "10");
  expect(first).toMatchObject({ exit: 0, stdout: "public.t: 25 rows chained, of 25; complete\n", stderr: "" });
  const second = await run(database.url);
  expect(second).toMatchObject({ exit: 0, stdout: "nothing to do: every attached table is complete\n", stderr: "" });
});

test("with --json stdout carries one result and nothing else", async () => {
  await table(3);
  const { exit, stdout } = await run(database.url, "--json");
  expect(exit).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    dry_run: false,
    rows: 3,
    unchained: 3,
    added: 3,
    tables: [{ table: "public.t", kind: "t", rows: 3, unchained: 3, added: 3, complete: true }],
  });
});

test("what cannot be done ends with 3, what makes no sense with 2, and both with a message", async () => {
  await table(2);
  const cases: [args: string[], exit: number, message: RegExp, url?: string][] = [
    [["nowhere"], 2, /no table nowhere/],
    [["senate_alerts"], 2, /senate_alerts is not attached.*audit-chain attach/],
    [["--order-by", "nowhere"], 2, /no column nowhere/],
    [["--batch", "0"], 2, /--batch is "0"/],
    [["--nonsense"], 2, /unknown option/],
    [[], 3, /cannot connect to database "x" on 127\.0\.0\.1:1 /, "postgres://u:hush@127.0.0.1:1/x"],
    [[], 3, /audit-chain init/, database.url.replace(/\/[^/]*$/, "/postgres")],
  ];
  for (const [args, exit, message, url = database.url] of cases) {
    const ended = await run(url, ...args);
    expect([args, ended.exit]).toEqual([args, exit]);
    expect(ended.stderr).toMatch(message);
    expect(ended.stderr).not.toMatch(/hush/);
    expect(ended.stdout).toBe("");
  }
});

test("a complete table with unchained rows ends with 3 and names audit-verify; with --readmit they are chained", async () => {
  await table(2);
  await run(database.url);
  const { sql } = database;
  await sql.unsafe(
    "alter table t disable trigger all; insert into t values (9, 'x'); alter table t enable trigger all",
  );
  const refused = await run(database.url, "t", "--json");
  expect(refused).toMatchObject({
    exit: 3,
    stderr: expect.stringMatching(/1 of its rows .* audit-verify .* --readmit/),
  });
  expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: "readmit_needed" } });
  const chained = await run(database.url, "t", "--readmit");
  expect(chained).toMatchObject({ exit: 0, stdout: "public.t: 1 rows chained, of 3; complete\n" });
  await expectCovered(sql, { kind: "t", key: ["id"], columns: ["id", "body"] });
});

test(
  "killed again and again it goes on where it was: every row is chained once, in order",
  { timeout: 180_000 },
  async () => {
    const { sql } = database;
    await table(6000);
    let kills = 0;
    for (let chained = 0; kills < 10; kills++) {
      const process = start(database.url, ["--batch", "20"]);
      // Some batches on, at a moment that is different each time.
      for (const goal = chained + 20 * (1 + (kills % 4)); chained < goal;) {
        const [row] = await sql<{ n: number }[]>`select count(*)::int as n from audit_chain where event_kind = 't'`;
        chained = row?.n ?? 0;
      }
      await new Promise((resolve) => setTimeout(resolve, kills % 7));
      process.kill();
      expect((await process.ended).exit).toBe(null);
    }
    const before = (await chainedKeys(sql, "t")).length;
    expect(before).toBeLessThan(6000);
    const ended = await run(database.url, "--json");
    expect(JSON.parse(ended.stdout)).toMatchObject({ rows: 6000, added: 6000 - before, tables: [{ complete: true }] });
    await expectCovered(sql, { kind: "t", key: ["id"], columns: ["id", "body"] });
    expect(await chainedKeys(sql, "t")).toEqual(Array.from({ length: 6000 }, (_, i) => String(i + 1)));
  },
);
