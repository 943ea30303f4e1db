import { createDatabase, type EmbeddedServer, startEmbedded } from "@scidex/audit-testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openLog } from "../policy/open-log.ts";
import { jsonOf, runCli } from "../run-cli.ts";

// Roles belong to the whole server, and are to be gone.
let server: EmbeddedServer;
beforeAll(async () => {
  server = await startEmbedded();
});
afterAll(async () => server.stop());

describe("uninstall", () => {
  it("says what it would remove, wants --yes for a chain with links, and says each thing it removed", async () => {
    await using database = await createDatabase({ server });
    const env = { AUDIT_DATABASE_URL: database.url };
    await runCli(["init"], { env });
    await database.sql`create table notes (id int primary key)`;
    await runCli(["attach", "notes"], { env });
    const dry = await runCli(["uninstall", "--dry-run"], { env });
    expect(dry).toMatchObject({ code: 0, stderr: "" });
    expect(dry.stdout).toContain(
      "would remove triggers of public.notes: audit_chain_capture, audit_chain_guard, audit_chain_guard_truncate",
    );
    expect(dry.stdout).toContain("The chain has 1 links: it is removed with --yes only.");
    const refused = await runCli(["uninstall"], { env });
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toContain("has 1 links, which would be lost");
    expect(await database.sql`select count(*)::int as links from audit_chain`).toEqual([{ links: 1 }]);
    const done = await runCli(["uninstall", "--yes"], { env });
    expect(done).toMatchObject({ code: 0, stderr: "" });
    expect(done.stdout).toBe(dry.stdout.replaceAll("would remove", "removed").replace(/^The chain has.*\n/m, ""));
    const again = await runCli(["uninstall", "--yes"], { env });
    expect(again.stdout).toBe(`There is nothing of the audit chain in the database ${database.name}.\n`);
    expect((await runCli(["init"], { env })).code).toBe(0);
    expect(jsonOf(await runCli(["uninstall", "--json"], { env }))).toMatchObject({ kept: [], links: "0" });
  });

  it("keeps a chain that verifies against its published heads with --keep-chain", async () => {
    await using database = await createDatabase({ server });
    const log = await openLog("heads.log");
    const env = { ...log.env, AUDIT_DATABASE_URL: database.url };
    await runCli(["init"], { env });
    await database.sql`create table notes (id int primary key)`;
    await runCli(["attach", "notes", "--mode", "strict"], { env });
    await database.sql`insert into notes values (1)`;
    expect((await runCli(["publish"], { env })).code).toBe(0);
    const done = await runCli(["uninstall", "--keep-chain"], { env });
    expect(done).toMatchObject({ code: 0, stderr: "" });
    expect(done.stdout).toContain("removed the auditing of public.notes: recorded as detached");
    const verified = await runCli(["verify", "--checks", "links,heads", "--json"], { env });
    expect(jsonOf(verified)).toMatchObject({ status: "intact", rows: 3, anchored_to: 2 });
    // Without the rest of it, that the rest is gone is a finding.
    const whole = jsonOf(await runCli(["verify", "--json"], { env })) as {
      status: string;
      divergences: { check: string }[];
    };
    expect(whole.status).toBe("tampered");
    expect(new Set(whole.divergences.map(({ check }) => check))).toEqual(
      new Set(["function_changed", "relation_changed", "trigger_missing", "coverage_narrowed"]),
    );
    const cut = await database.sql.begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      return await tx`delete from audit_chain where seq = 2`;
    });
    expect(cut.count).toBe(1);
    expect((await runCli(["verify", "--checks", "links,heads"], { env })).code).toBe(1);
    await log.close();
  });
});
