// A chain in a schema of its own, as an operator sets it up: by the command line alone, without a superuser.
import { fileURLToPath } from "node:url";
import { createDatabase, createLogin, type EmbeddedServer, startEmbedded, TEST_SETTINGS } from "@scidex/audit-testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openLog } from "../policy/open-log.ts";
import { jsonOf, runCli } from "../run-cli.ts";

const PUBLISHER = fileURLToPath(import.meta.resolve("@scidex/audit-publisher/cli"));

// Roles belong to the whole server, and are to be gone.
let server: EmbeddedServer;
beforeAll(async () => {
  server = await startEmbedded({ settings: TEST_SETTINGS });
});
afterAll(async () => server.stop());

describe("init --schema", () => {
  it("keeps public free, and every command finds the chain by AUDIT_SCHEMA and AUDIT_ROLE_PREFIX", async () => {
    await using database = await createDatabase({ server });
    const { sql } = database;
    const log = await openLog("heads.log");
    const owner = await createLogin(sql, { attributes: "createrole" });
    await sql.unsafe(
      `grant create on database ${database.name} to ${owner.name}; grant create on schema public to ${owner.name}`,
    );
    const bare = { ...log.env, AUDIT_DATABASE_URL: owner.url };
    const init = await runCli(["init", "--schema", "audit", "--role-prefix", "acme_audit_"], { env: bare });
    expect(init).toMatchObject({ code: 0, stderr: "" });
    expect(init.stdout).toContain(
      "It is in the schema audit, with roles acme_audit_…; whoever verifies sets AUDIT_SCHEMA=audit AUDIT_ROLE_PREFIX=acme_audit_.",
    );
    const lost = await runCli(["status"], { env: { ...bare, AUDIT_SCHEMA: "other" } });
    expect(lost.stderr).toContain("there is one in the schema audit: set AUDIT_SCHEMA to it");
    // The database says where it is to those who work with it, and not to who verifies.
    const env = bare;
    expect((await runCli(["verify"], { env })).stdout).toContain("If init was given another schema, set AUDIT_SCHEMA");
    const told = { AUDIT_SCHEMA: "audit", AUDIT_ROLE_PREFIX: "acme_audit_" };
    const asAuditor = { ...env, ...told, AUDIT_DATABASE_URL: database.url };
    expect((await runCli(["init"], { env: { ...env, ...told } })).stdout).toContain("is up to date");

    await sql.unsafe(`set role ${owner.name}; create table orders (id int primary key, v text); reset role`);
    await sql`insert into orders values (1, 'old')`;
    expect(await runCli(["attach", "orders", "--mode", "strict"], { env })).toMatchObject({ code: 0, stderr: "" });
    expect(await runCli(["backfill", "orders"], { env })).toMatchObject({ code: 0 });
    await sql`insert into orders values (2, 'new')`;
    expect(
      await runCli(["append", "--kind", "release", "--pk", "1", "--payload", "-"], { env: asAuditor, input: "{}" }),
    ).toMatchObject({
      code: 0,
    });
    await sql.unsafe(
      `set role ${owner.name}; alter table orders add column w int default 7; select audit.audit_chain_sync('orders'); reset role`,
    );
    expect((await runCli(["publish"], { env: asAuditor })).code).toBe(0);
    const verified = await runCli(["verify", "--json"], { env: asAuditor });
    expect(jsonOf(verified)).toMatchObject({ status: "intact", unproven: [] });
    expect((await runCli(["lookup", "--kind", "orders", "--pk", "2"], { env: asAuditor })).code).toBe(0);
    expect(
      await sql`select relname from pg_class where relnamespace = 'public'::regnamespace and relname ~ 'audit|senate'
                union all select proname from pg_proc where pronamespace = 'public'::regnamespace
                union all select rolname from pg_roles where rolname ~ '^scidex'`,
    ).toEqual([]);

    // The mode stream, too, by an account that can read no key.
    const follower = await createLogin(sql, { attributes: "replication", grant: ["acme_audit_capture"] });
    const capture = async () =>
      runCli(["capture", "--once", "--state", `${log.folder}/capture.state`], {
        env: { AUDIT_DATABASE_URL: follower.url },
        program: PUBLISHER,
      });
    await sql.unsafe(
      `set role ${owner.name}; create table volume (id int primary key); select audit.audit_chain_publication('volume'); reset role`,
    );
    expect(await capture()).toMatchObject({ code: 0, stderr: "" });
    expect(await runCli(["attach", "volume", "--mode", "stream"], { env })).toMatchObject({ code: 0, stderr: "" });
    await sql`insert into volume values (1), (2)`;
    expect(await capture()).toMatchObject({ code: 0, stderr: "", stdout: "linked 2 events\n" });
    const whole = await runCli(["verify", "--json"], { env: asAuditor });
    expect(jsonOf(whole)).toMatchObject({ status: "intact", unproven: [] });

    await sql`update pg_trigger set tgenabled = 'D' where tgname = 'audit_chain_guard' and tgrelid = 'orders'::regclass`;
    await sql`update orders set v = 'forged' where id = 1`;
    const tampered = await runCli(["verify", "--json"], { env: asAuditor });
    expect(tampered.code).toBe(1);
    expect((jsonOf(tampered) as { divergences: { check: string }[] }).divergences.map(({ check }) => check)).toEqual([
      "source_edited",
      "trigger_disabled",
    ]);

    const gone = await runCli(["uninstall", "--yes"], { env: asAuditor });
    expect(gone).toMatchObject({ code: 0, stderr: "" });
    expect(gone.stdout).toContain("removed the schema audit\n");
    expect(
      await sql`select nspname from pg_namespace where nspname = 'audit' union all select rolname from pg_roles where rolname ~ '^acme'`,
    ).toEqual([]);
    await log.close();
  });

  it.each([
    [["--schema", "Audit"], 'the schema of the audit chain is "Audit"; expected'],
    [["--role-prefix", "pg_audit_"], "not beginning with a digit or pg_"],
    [["--repair", "--schema", "audit"], "--repair mends the chain where it is"],
  ])("refuses %j", async (options, message) => {
    const refused = await runCli(["init", ...options], {
      env: { AUDIT_DATABASE_URL: "postgres://nobody@127.0.0.1:1/x" },
    });
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toContain(message);
  });
});
