/** A table in the mode `stream` whose shape changes while it is written: its rows are recorded anew all the same (B14). */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSinks } from "@scidex/audit-sinks";
import { verify } from "@scidex/audit-verifier";
import postgres from "postgres";
import { expect, onTestFinished, test } from "vitest";
import { generateKeyFiles, publishHead } from "../../src/index.ts";
import { captured } from "./capturing.ts";

const ORIGIN = "example.org/audit-chain";

test("rows are recorded anew while others write, those with changes on their way are left to these, and nobody is accused", async () => {
  const log = await captured("create table c (id int primary key, n int, gone text)");
  const { sql } = log;
  const folder = mkdtempSync(join(tmpdir(), "recorded-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const keyFile = join(folder, "key");
  const { vkeys } = await generateKeyFiles({ origin: ORIGIN, out: keyFile });
  const sinks = [`file:${join(folder, "a.log")}`];
  const client = postgres(log.database.url, { max: 3, fetch_types: false, onnotice: () => {} });
  onTestFinished(async () => client.end({ timeout: 1 }));
  const publish = async () => publishHead({ database: client, keyFile, sinks });

  await log.attach("c", { changes: "track" });
  await sql.unsafe("insert into c select n, 0, 'x' from generate_series(1, 200) as n");
  await log.once();
  await publish();
  const running = log.start();
  await sql.begin(async (tx) => tx.unsafe("alter table c drop gone; select public.audit_chain_sync('c')"));
  let stop = false;
  // One row all the time, the others one by one.
  const writers = [1, 2].map(async (writer) => {
    for (let n = 0; !stop; n++) {
      await sql`update c set n = n + 1 where id = ${writer === 1 ? 1 : 2 + (n % 100)}`;
      if (n % 10 === 0) await sql`insert into c values (${writer * 10_000 + n}, 0)`;
    }
  });
  const left = async () => (await publish()).warnings.filter((warning) => warning.includes("recorded anew"));
  await expect.poll(left, { timeout: 120_000 }).toEqual([]);
  stop = true;
  await Promise.all(writers);
  const records = (await sql`select from audit_chain where event_kind = 'c:record'`).length;
  expect(records).toBeGreaterThan(90);
  expect((await sql`select from audit_chain where event_kind = 'audit_chain_statement'`).length).toBeGreaterThan(0);

  await publish();
  const heads = openSinks(sinks, {});
  const { report } = await verify(client, { origin: ORIGIN, keys: vkeys, heads });
  await Promise.all(heads.map(async (sink) => sink.close()));
  await running.stop();
  expect({
    // That a column was dropped, and that what rows had in it could not be compared, is for the auditor to approve.
    found: report.divergences.filter(({ check }) => check !== "coverage_narrowed"),
    unproven: report.unproven,
  }).toEqual({ found: [], unproven: [] });
});
