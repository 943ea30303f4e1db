import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { sealPending } from "../../src/index.ts";
import { run, start } from "../command.ts";
import { type Log, openLog } from "../log.ts";

describe("audit-publisher alerts", () => {
  it("lists those of one database of several, which is named", async () => {
    const folder = mkdtempSync(join(tmpdir(), "audit-alerts-"));
    const file = `${folder}/fleet.json`;
    const database = (name: string) => ({ database: `postgres://audit@${name}.example.org/app` });
    writeFileSync(
      file,
      JSON.stringify({ origin: "example.org/{name}", databases: { eu: database("eu"), us: database("us") } }),
    );
    writeFileSync(`${folder}/us.alerts`, "not what was written");
    const env = { AUDIT_SIGNING_KEY_FILE: `${folder}/{name}` };
    const one = ["alerts", "--config", file, "--only"];
    expect(await run(undefined, [...one, "eu"], env)).toMatchObject({ exit: 0, stdout: "no finding is open\n" });
    expect(await run(undefined, [...one, "us"], env)).toMatchObject({
      exit: 3,
      stderr: expect.stringContaining("us.alerts") as string,
    });
    expect(await run(undefined, ["alerts"], { ...env, AUDIT_CONFIG: file })).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining("say which with --only NAME") as string,
    });
    rmSync(folder, { recursive: true });
  });
});

describe("audit-publisher publish", () => {
  it("exits with 0 and prints nothing but the result", async () => {
    const log = await openLog();
    expect(await run(log, ["publish"])).toMatchObject({
      exit: 0,
      stdout: expect.stringContaining("nothing to publish yet"),
    });
    await log.append("1");
    const { exit, stdout, stderr } = await run(log, ["publish", "--json"]);
    expect([exit, stderr]).toEqual([0, ""]);
    expect(JSON.parse(stdout)).toMatchObject({
      status: "intact",
      published: { seq: 1 },
      sinks: [{ status: "ok", lines: 1 }, { status: "ok" }],
    });
    expect(await run(log, ["publish"])).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^published 1 /) });
  });

  it("exits with 1 only for a finding, and escapes what an attacker wrote", async () => {
    const log = await openLog();
    await log.append("1");
    await log.publish();
    await log.append("\u001b[2J\u009b1m\u202e");
    await log.attack("update public.audit_chain set event_hash = sha256('x') where seq = 2");
    expect(await run(log, ["publish"])).toMatchObject({
      exit: 1,
      stdout: expect.stringMatching(/^TAMPERED: nothing was signed\n {2}event_hash 2: /),
    });
    const { exit, stdout } = await run(log, ["publish", "--json"]);
    expect(exit).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      status: "tampered",
      published: null,
      first_divergence: { check: "event_hash", seq: 2 },
    });
    expect(stdout).not.toMatch(/[\u001b\u009b\u202e]/u);
  });

  it("exits with 3 when the connection is lost while it reads, and signs nothing", async () => {
    const log = await openLog();
    await log.sql`select public.audit_chain_enqueue('thing', k::text, sha256(k::text::bytea)) from generate_series(1, 40000) k`;
    await sealPending(log.sql);
    const { ended } = start(log, ["publish"]);
    const kill = async () =>
      log.sql`select pg_terminate_backend(pid) from pg_stat_activity where query like 'copy (%' and datname = current_database()`;
    while ((await kill()).length === 0) await sleep(2);
    expect(await ended).toMatchObject({
      exit: 3,
      stdout: "",
      stderr: expect.stringContaining("the connection to the database was lost"),
    });
    expect(existsSync(log.paths[0])).toBe(false);
  });

  it("exits with 3 when a sink lags, and says which", async () => {
    const log = await openLog();
    await log.append("1");
    const env = { AUDIT_SINKS: `${log.sinks[0]},file:${log.folder}/gone/b.log` };
    const { exit, stdout } = await run(log, ["publish"], env);
    expect(exit).toBe(3);
    expect(stdout).toMatch(/published 1 [^]*behind file:.*gone\/b\.log: 0 lines; the folder .*gone does not exist/);
  });

  it.each([
    ["no key file", (log: Log) => ({ AUDIT_SIGNING_KEY_FILE: "", x: log.url }), 2, /AUDIT_SIGNING_KEY_FILE is not set/],
    ["a wrong sink", () => ({ AUDIT_SINKS: "ftp:/x" }), 2, /AUDIT_SINKS.*ftp/],
    ["no sink", () => ({ AUDIT_SINKS: "" }), 2, /no sinks/],
    ["a wrong database URL", () => ({ AUDIT_DATABASE_URL: "mysql://x" }), 2, /AUDIT_DATABASE_URL/],
    [
      "a database that is not there",
      () => ({ AUDIT_DATABASE_URL: "postgres://u:s3cret@127.0.0.1:1/x" }),
      3,
      /cannot connect/,
    ],
    ["another origin", () => ({ AUDIT_ORIGIN: "example.org/other" }), 2, /AUDIT_ORIGIN/],
    ["a state that is lost", (log: Log) => (rmSync(log.stateFile), {}), 3, /state file .* does not exist/],
    ["a state that is damaged", (log: Log) => (writeFileSync(log.stateFile, "{"), {}), 3, /damaged/],
  ])("exits with an error for %s", async (_, prepare, exit, message) => {
    const log = await openLog();
    await log.append("1");
    const ended = await run(log, ["publish", "--json"], prepare(log));
    expect(ended).toMatchObject({ exit, stderr: expect.stringMatching(message) });
    expect(JSON.parse(ended.stdout)).toHaveProperty("error");
    expect(ended.stderr).not.toContain("s3cret");
  });

  it("exits with 3, not 1, when something inside it throws", async () => {
    const log = await openLog();
    await log.append("1");
    await log.sql.unsafe(
      `create or replace function public.audit_chain_seal(max_rows integer) returns integer language plpgsql as $$ begin raise exception 'no'; end $$`,
    );
    expect(await run(log, ["publish"])).toMatchObject({ exit: 3, stderr: "error: no\n", stdout: "" });
    expect(await run(log, ["seal"])).toMatchObject({ exit: 3, stderr: "error: no\n", stdout: "" });
  });
});

describe("audit-publisher seal", () => {
  it("seals what waits, and counts it", async () => {
    const log = await openLog();
    await log.sql`select public.audit_chain_enqueue('thing', k::text, sha256('x')) from generate_series(1, 25) k`;
    expect(await run(log, ["seal", "--batch", "10", "--json"])).toMatchObject({
      exit: 0,
      stdout: '{"sealed":25}\n',
      stderr: "",
    });
    expect(await run(log, ["seal", "--batch", "0"])).toMatchObject({ exit: 2 });
  });

  it("goes on with --watch, also after its connection was cut, until it is stopped", async () => {
    const log = await openLog();
    const enqueue = async (key: string): Promise<void> =>
      void (await log.sql`select public.audit_chain_enqueue('thing', ${key}, sha256('x'))`);
    const { child, ended, output } = start(log, ["seal", "--watch", "--interval", "1s"]);
    const said = async (times: number): Promise<void> => {
      while (output().split("sealed 1 rows\n").length <= times) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    await enqueue("1");
    await said(1);
    await log.sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'audit-publisher seal' and datname = current_database()`;
    await enqueue("2");
    await said(2);
    child.kill("SIGINT");
    expect(await ended).toMatchObject({ exit: 0, stdout: "sealed 1 rows\nsealed 1 rows\n" });
  });
});

describe("audit-publisher", () => {
  it("shows an example for every command", async () => {
    for (const command of ["publish", "seal", "verify", "run"]) {
      const { exit, stdout } = await run(undefined, [command, "--help"]);
      expect([exit, stdout]).toEqual([0, expect.stringContaining("Example")]);
    }
  });

  it("stops cleanly in the middle: nothing is half done", async () => {
    const log = await openLog();
    await log.sql`select count(public.audit_chain_append('thing', k::text, sha256('x'))) from generate_series(1, 3000) k`;
    const { child, ended } = start(log, ["publish"]);
    const connected = async () =>
      await log.sql`select from pg_stat_activity where application_name like 'audit-publisher%' and datname = current_database()`;
    while ((await connected()).length === 0) await sleep(5);
    child.kill("SIGINT");
    expect([0, 3]).toContain((await ended).exit);
    expect(await run(log, ["publish"])).toMatchObject({ exit: 0 });
    expect(readFileSync(log.paths[0], "utf8")).toBe(readFileSync(log.paths[1], "utf8"));
  });
});
