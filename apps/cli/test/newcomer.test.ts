import { createDatabase, createLogin } from "@scidex/audit-testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { COMMANDS } from "../src/commands.ts";
import { OTHER_APPLICATIONS } from "../src/index.ts";
import { type ChainDatabase, chainDatabase } from "./chain-database.ts";
import { jsonOf, runCli } from "./run-cli.ts";

let db: ChainDatabase;
beforeAll(async () => (db = await chainDatabase()));
afterAll(() => db.drop());

describe("a newcomer", () => {
  it("gets all commands and the environment from --help, and a usage error without a command", async () => {
    const help = await runCli(["--help"]);
    expect(help.code).toBe(0);
    for (const { name } of [...COMMANDS, ...OTHER_APPLICATIONS]) expect(help.stdout).toContain(`\n  ${name}`);
    expect(help.stdout).toContain("AUDIT_DATABASE_URL");
    const bare = await runCli([]);
    expect(bare.code).toBe(2);
    expect(bare.stdout).toBe("");
  });

  it.each(COMMANDS.map(({ name }) => name))("gets an example from --help and help of the command %s", async (name) => {
    const [option, word] = await Promise.all([runCli([name, "--help"]), runCli(["help", name])]);
    expect(option).toMatchObject({ code: 0, stderr: "" });
    expect(option.stdout).toContain("--json");
    expect(option.stdout).toMatch(/Examples?:\n {2}\$ /);
    expect(word).toEqual(option);
  });

  it("is told about a misspelt command or option", async () => {
    const command = await runCli(["statsu"]);
    expect(command).toMatchObject({ code: 2, stdout: "" });
    expect(command.stderr).toContain("unknown command 'statsu'");
    const option = await db.run(["status", "--jsn"]);
    expect(option.code).toBe(2);
    expect(option.stderr).toContain("unknown option '--jsn'");
  });

  it("who has not set AUDIT_DATABASE_URL reads its name", async () => {
    for (const args of [["init"], ["status"], ["attach", "t"], ["append", "--kind", "k", "--pk", "p"]]) {
      const ended = await runCli(args);
      expect(ended).toMatchObject({ code: 2, stdout: "" });
      expect(ended.stderr).toContain("AUDIT_DATABASE_URL is not set");
    }
  });

  it("may use DATABASE_URL instead", async () => {
    expect((await runCli(["status"], { env: { DATABASE_URL: db.url } })).code).toBe(0);
  });

  it("with a wrong password is told to check it, and does not see it printed", async () => {
    const login = await createLogin(db.sql);
    const url = new URL(login.url);
    url.password = "wr0ng-secret";
    const ended = await runCli(["status", "--json"], { env: { AUDIT_DATABASE_URL: url.href } });
    // A server that trusts local connections lets it in: then the missing right is what is reported.
    expect(ended.code).toBe(3);
    expect(ended.stdout + ended.stderr).not.toContain("wr0ng-secret");
    await login.drop();
  });

  it("who names a database that does not exist is told to create it", async () => {
    const url = new URL(db.url);
    url.pathname = "/no_such_database";
    const ended = await runCli(["init"], { env: { AUDIT_DATABASE_URL: url.href } });
    expect(ended.code).toBe(3);
    expect(ended.stderr).toMatch(/"no_such_database" does not exist; create the database/);
  });

  it("who has not run init is told to", async () => {
    await using empty = await createDatabase();
    for (const args of [["status"], ["attach", "t"], ["lookup", "--kind", "k", "--pk", "p"]]) {
      const ended = await runCli(args, { env: { AUDIT_DATABASE_URL: empty.url } });
      expect(ended).toMatchObject({ code: 3, stdout: "" });
      expect(ended.stderr).toContain("run audit-chain init");
    }
  });

  it("gets errors as JSON too, when asked for JSON", async () => {
    const ended = await db.run(["attach", "no_such_table", "--json"]);
    expect(ended.code).toBe(2);
    expect(jsonOf(ended)).toEqual({ error: { code: "usage", message: expect.stringContaining("no_such_table") } });
  });

  it("without rights is told which role has them, and changes nothing", async () => {
    const login = await createLogin(db.sql);
    await db.sql`create table if not exists someone_elses (id int primary key)`;
    const env = { AUDIT_DATABASE_URL: login.url };
    const expected: [string[], string][] = [
      [["append", "--kind", "k", "--pk", "p"], "scidex_audit_writer"],
      [["lookup", "--kind", "k", "--pk", "p"], "scidex_audit_ro"],
      [["attach", "someone_elses"], "the table's owner"],
    ];
    for (const [args, role] of expected) {
      const ended = await runCli(args, { env });
      expect(ended).toMatchObject({ code: 3, stdout: "" });
      expect(ended.stderr).toContain(role);
      expect(ended.stderr).not.toMatch(/select|Failed query/i);
    }
    const policy = await runCli(["policy"], { env: { ...env, AUDIT_ORIGIN: "example.org/log" } });
    expect(policy).toMatchObject({ code: 3, stdout: "" });
    expect(policy.stderr).toContain("scidex_audit_inspector");
    expect(await db.sql`select from audit_chain`).toHaveLength(0);
    await login.drop();
  });

  it("finds the other applications under their names", async () => {
    const publish = await runCli(["publish", "--help"]);
    expect(publish.code).toBe(0);
    expect(publish.stdout).toContain("audit-publisher publish");
    expect(await runCli(["help", "publish"])).toEqual(publish);
    const ledger = await runCli(["ledger", "verify", "--agent-id", "a", "--db", "/no/such/ledger.db"], {
      env: { AUDIT_LEDGER_SALT: "test-salt" },
    });
    expect(ledger.code).toBe(3);
  });
});
