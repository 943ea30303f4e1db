// Scenario: the capture process was set up days before the first table is attached.
import { setTimeout as sleep } from "node:timers/promises";
import { attach } from "@scidex/audit-schema";
import { drizzle } from "drizzle-orm/postgres-js";
import { expect, onTestFinished, test } from "vitest";
import { start } from "../command.ts";
import { captured } from "./capturing.ts";

test("the first table is attached however long the process has waited for one", async () => {
  const { sql, database, stateFile } = await captured("create table public.readings (id int primary key, value int)");
  const capture = start(undefined, ["capture", "--state", stateFile, "--json"], { AUDIT_DATABASE_URL: database.url });
  onTestFinished(async () => {
    capture.child.kill("SIGTERM");
    expect((await capture.ended).stderr.match(/no table is to be followed/gu)).toHaveLength(1);
  });
  // As long as a process waits that tries ever more seldom: after 7 s it would do so again at 15, and attach waits for 5.
  await sleep(8_000);
  await attach(drizzle(sql), "public.readings", { mode: "stream" });
  await sql`insert into public.readings values (1, 20)`;
  await expect.poll(capture.output, { timeout: 60_000 }).toContain('"linked":1');
});
