import { createDatabase } from "@scidex/audit-testkit";
import { mkdtempDisposable, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseAuditConfig } from "../../src/config/audit-config.ts";
import { jsonOf, runCli } from "../run-cli.ts";

describe("init", () => {
  it("sets a database up, says what to do next, and can be repeated", async () => {
    await using db = await createDatabase();
    const env = { AUDIT_DATABASE_URL: db.url };
    const first = await runCli(["init"], { env });
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(first.stdout).toContain("is set up");
    expect(first.stdout).toContain("Next: audit-chain attach TABLE");
    const again = await runCli(["init", "--json"], { env });
    expect(again.code).toBe(0);
    expect(jsonOf(again)).toEqual({
      database: db.name,
      schema: "public",
      role_prefix: "scidex_audit_",
      applied: [],
      version: expect.any(Number),
      warnings: [],
    });
  });

  it("writes audit.config.json where it is asked to, without the password, and never over another", async () => {
    await using db = await createDatabase();
    await using folder = await mkdtempDisposable(join(tmpdir(), "audit-init-"));
    const { password } = new URL(db.url);
    const env = {
      AUDIT_DATABASE_URL: db.url,
      AUDIT_ORIGIN: "example.org/log",
      AUDIT_SINKS: "file:/a.log",
    };
    const written = await runCli(["init", "--write-config", "--schema", "audit"], { env, cwd: folder.path });
    expect(written, written.stderr).toMatchObject({ code: 0 });
    const text = await readFile(join(folder.path, "audit.config.json"), "utf8");
    const config = JSON.parse(text) as { database: string };
    expect(new URL(config.database).password).toBe("");
    expect(config).toMatchObject({ schema: "audit", origin: "example.org/log", sinks: ["file:/a.log"] });
    expect(() => parseAuditConfig(text)).not.toThrow();
    const again = await runCli(["init", "--write-config"], { env, cwd: folder.path });
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining("audit.config.json is there already")]);
    const status = await runCli(["status", "--json"], { cwd: folder.path, env: { PGPASSWORD: password } });
    expect(jsonOf(status)).toMatchObject({ database: db.name });
  });

  it("can be run three times at once", async () => {
    await using db = await createDatabase();
    const env = { AUDIT_DATABASE_URL: db.url };
    const all = await Promise.all([1, 2, 3].map(() => runCli(["init", "--json"], { env })));
    expect(all.map(({ code }) => code)).toEqual([0, 0, 0]);
    const applied = all.map((ended) => (jsonOf(ended) as { applied: string[] }).applied.length);
    expect(applied.filter((count) => count > 0)).toHaveLength(1);
  });

  it("stops before an audit_chain of another shape, and changes nothing", async () => {
    await using db = await createDatabase();
    await db.sql`create table audit_chain (id bigserial primary key, event_hash text)`;
    const ended = await runCli(["init"], { env: { AUDIT_DATABASE_URL: db.url } });
    expect(ended).toMatchObject({ code: 3, stdout: "" });
    expect(ended.stderr).toContain("Else rename or drop it");
    const tables = await db.sql`select relname from pg_class where relname like 'audit_chain%' and relkind = 'r'`;
    expect(tables.map(({ relname }) => relname as string)).toEqual(["audit_chain"]);
  });
});
