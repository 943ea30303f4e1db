import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readSettings, settingsOf, useSettings } from "../src/index.ts";

const ALL = {
  database: "postgres://app@localhost/app",
  schema: "audit",
  role_prefix: "app_audit_",
  origin: "example.org/audit-chain",
  sinks: ["file:/a.log", "tiles:/srv/log"],
  schedules: { seal: "2s", publish: "30m", verify: "2h", since_head: "7d", full_at: "04:30" },
  alerts: { webhook: "https://alerts.example.org/hook", format: "slack", remind_every: "12h" },
};

describe("settings", () => {
  it("stand for variables and options", () => {
    const { environment, options } = settingsOf(ALL);
    expect(Object.fromEntries(environment)).toEqual({
      AUDIT_DATABASE_URL: "postgres://app@localhost/app",
      AUDIT_SCHEMA: "audit",
      AUDIT_ROLE_PREFIX: "app_audit_",
      AUDIT_ORIGIN: "example.org/audit-chain",
      AUDIT_SINKS: "file:/a.log,tiles:/srv/log",
      AUDIT_ALERT_WEBHOOK: "https://alerts.example.org/hook",
      AUDIT_ALERT_FORMAT: "slack",
    });
    expect(Object.fromEntries(options)).toEqual({
      sealEvery: "2s",
      publishEvery: "30m",
      verifyEvery: "2h",
      sinceHead: "7d",
      fullAt: "04:30",
      remindEvery: "12h",
    });
  });

  it.each([
    [{ database: "mysql://a/b" }, "database must be postgres://user@host:5432/database"],
    [{ origin: "a b" }, "origin must be the log's name"],
    [{ sinks: "file:/a.log" }, "sinks must be a list of sink URLs"],
    [{ sinks: ["file:/a.log,file:/b.log"] }, "sinks must be a list of sink URLs"],
    [{ schedules: "1h" }, "schedules must be an object with seal, publish, verify, since_head, full_at"],
    [{ schedules: { hourly: "1h" } }, "schedules.hourly is not known; expected seal,"],
    [{ schedules: { full_at: "24:00" } }, "schedules.full_at must be hours and minutes in UTC"],
    [{ alerts: { webhook: "ftp://a" } }, "alerts.webhook must be an http or https URL"],
    [{ alerts: { remind_every: 24 } }, "alerts.remind_every must be a whole number and one of"],
  ])("%j: %s", (config, message) => {
    expect(() => settingsOf(config)).toThrow(
      expect.objectContaining({ code: "configuration", message: expect.stringContaining(message) as string }),
    );
  });

  it("give way to the environment, DATABASE_URL included, and to the command line, but not to what is set to nothing", () => {
    const env: Record<string, string | undefined> = {
      DATABASE_URL: "postgres://other/db",
      AUDIT_ORIGIN: "",
      AUDIT_SINKS: "file:/mine",
    };
    const command = new Command()
      .option("--seal-every <time>", "", "1s")
      .option("--publish-every <time>", "", "1h")
      .option("--remind-every <time>");
    command.parse(["--publish-every", "5m"], { from: "user" });
    useSettings(settingsOf(ALL), command, env);
    expect(env).toEqual({
      DATABASE_URL: "postgres://other/db",
      AUDIT_ORIGIN: "example.org/audit-chain",
      AUDIT_SINKS: "file:/mine",
      AUDIT_SCHEMA: "audit",
      AUDIT_ROLE_PREFIX: "app_audit_",
      AUDIT_ALERT_WEBHOOK: "https://alerts.example.org/hook",
      AUDIT_ALERT_FORMAT: "slack",
    });
    expect(command.opts()).toEqual({ sealEvery: "2s", publishEvery: "5m", remindEvery: "12h" });
  });
});

describe("a file with settings", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "audit-settings-"));
  });
  afterEach(async () => await rm(folder, { recursive: true }));

  it.each([
    ['{"keys":[]}', "keys is not known; expected $schema,"],
    ["[]", "it must be an object"],
    ['{"origin":"a","origin":"b"}', 'the member "origin" stands twice'],
  ])("%s: %s", async (text, message) => {
    const file = join(folder, "c.json");
    await writeFile(file, text);
    await expect(readSettings(file)).rejects.toThrow(message);
  });

  it("may have tables, which others read", async () => {
    const file = join(folder, "c.json");
    await writeFile(file, '{"tables":{"public.*":{}},"origin":"a"}');
    expect((await readSettings(file))?.environment.get("AUDIT_ORIGIN")).toBe("a");
  });

  it("must be there where it was named", async () => {
    await expect(readSettings(join(folder, "none.json"))).rejects.toThrow(/none\.json cannot be read/u);
  });
});
