import { link, mkdtemp, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Environment, fleetOf, type FleetFlags, settingsOf } from "../../src/index.ts";
import { requireOwnFiles } from "../../src/fleet/require-apart.ts";

const FILE = "fleet.json";
const TWO = {
  origin: "example.org/{name}",
  sinks: ["file:/data/{name}.log", "witness:https://witness.example.org"],
  databases: { eu: { database: "postgres://audit@eu/app" }, us: { database: "postgres://audit@us/app" } },
};

const read = (config: object = TWO, env: Environment = {}, flags: FleetFlags = {}) =>
  fleetOf(FILE, settingsOf(config as Parameters<typeof settingsOf>[0]), flags, env);
const environments = (...of: Parameters<typeof read>) =>
  Object.fromEntries((read(...of)?.members ?? []).map(({ name, environment }) => [name, environment]));
const refusal = (message: string) =>
  expect.objectContaining({ code: "configuration", message: expect.stringContaining(message) as string }) as Error;

describe("the databases of a configuration", () => {
  it("have what stands beside them, with their names in it", () => {
    expect(environments()).toEqual({
      eu: {
        AUDIT_DATABASE_URL: "postgres://audit@eu/app",
        AUDIT_ORIGIN: "example.org/eu",
        AUDIT_SINKS: "file:/data/eu.log,witness:https://witness.example.org",
      },
      us: {
        AUDIT_DATABASE_URL: "postgres://audit@us/app",
        AUDIT_ORIGIN: "example.org/us",
        AUDIT_SINKS: "file:/data/us.log,witness:https://witness.example.org",
      },
    });
  });

  it("say what they say before the environment does, and that before what they have in common", () => {
    const databases = { eu: { origin: "eu.example.org" }, us: { schema: "audit" } };
    const config = { ...TWO, schema: "common", database: "postgres://common/{name}", databases };
    const env = {
      AUDIT_ORIGIN: "env.example.org/{name}",
      AUDIT_SCHEMA: "env",
      AUDIT_POLICY: "/etc/{name}.json",
      DATABASE_URL: "postgres://application/app",
      PGPASSWORD: "{name} is no name here",
    };
    expect(environments(config, env)).toMatchObject({
      eu: {
        AUDIT_DATABASE_URL: "postgres://common/eu",
        AUDIT_ORIGIN: "eu.example.org",
        AUDIT_SCHEMA: "env",
        AUDIT_POLICY: "/etc/eu.json",
        PGPASSWORD: "{name} is no name here",
      },
      us: { AUDIT_ORIGIN: "env.example.org/us", AUDIT_SCHEMA: "audit", AUDIT_POLICY: "/etc/us.json" },
    });
    expect(environments(config, env)["eu"]).not.toHaveProperty("DATABASE_URL");
    const silent = { ...TWO, databases: { ...TWO.databases, eu: { ...TWO.databases.eu, sinks: [] } } };
    expect(environments(silent)["eu"]).toMatchObject({ AUDIT_SINKS: "" });
  });

  it("are chosen by name, the others said", () => {
    expect(read(TWO, {}, { only: "us" })).toMatchObject({ members: [{ name: "us" }], leftOut: ["eu"] });
    expect(() => read(TWO, {}, { only: "uss" })).toThrow("did you mean us?");
    expect(() => read(TWO, {}, { only: "antarctica" })).toThrow("expected eu, us");
    expect(() => read({ origin: "a" }, {}, { only: "us" })).toThrow("names none");
    expect(read({ origin: "a" })).toBeUndefined();
  });

  it.each([
    [{ databases: {} }, "databases must be an object with at least one"],
    [{ databases: ["eu"] }, "databases must be an object with at least one"],
    [{ databases: { "../eu": {} } }, 'databases["../eu"]: expected a name of lower-case letters'],
    [{ databases: { EU: {} } }, 'databases["EU"]: expected a name'],
    [{ databases: { ".": {} } }, 'databases["."]: expected a name'],
    [{ databases: { eu: { databse: "x" } } }, 'databases["eu"].databse is not known; did you mean database?'],
    [{ databases: { eu: { policy: "x" } } }, 'databases["eu"].policy is not known; expected database,'],
    [{ databases: { eu: { database: "mysql://x" } } }, 'databases["eu"].database must be postgres://'],
    [{ databases: { eu: { origin: "x" } } }, 'databases["eu"] has no database'],
    [{ databases: { eu: { database: "postgres://eu/a" } } }, 'databases["eu"] has no origin'],
  ])("%j: %s", (config, message) => {
    expect(() => read(config)).toThrow(refusal(message));
  });
});

describe("two databases that would have one of something are refused", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "audit-fleet-"));
    await mkdir(join(folder, "eu"));
    await symlink(join(folder, "eu"), join(folder, "us"));
    await writeFile(join(folder, "eu.key"), "");
    await symlink(join(folder, "eu.key"), join(folder, "us.key"));
    await writeFile(join(folder, "eu.log"), "");
    await link(join(folder, "eu.log"), join(folder, "us.log"));
    await mkdir(join(folder, "eu.tree"));
    await symlink(join(folder, "eu.tree"), join(folder, "us.tree"));
  });
  afterAll(async () => await rm(folder, { recursive: true }));
  const us = { database: "postgres://audit@us/app" };

  it.each([
    ["one origin", { ...TWO, origin: "example.org/all" }, {}],
    ["one origin", { ...TWO, databases: { ...TWO.databases, us: { ...us, origin: "example.org/eu" } } }, {}],
    ["one sink", { ...TWO, sinks: ["file:/data/log"] }, {}],
    ["one sink", { ...TWO, databases: { ...TWO.databases, us: { ...us, sinks: ["file:/data/../data/eu.log"] } } }, {}],
    ["one sink", { ...TWO, sinks: undefined }, { AUDIT_SINKS: "git:/papers?path=head.log" }],
    ["one database", { ...TWO, databases: { ...TWO.databases, us: { database: "postgres://me:x@eu:5432/app" } } }, {}],
    ["one key", TWO, { AUDIT_SIGNING_KEY_FILE: "/etc/audit/key" }],
    ["one key", TWO, { AUDIT_SIGNING_KEY: "agent:/run/agent#key" }],
    ["one state folder", TWO, { AUDIT_STATE_DIR: "/var/lib/audit" }],
    ["one state folder", TWO, { AUDIT_STATE_DIR: "/var/lib/audit/{name}/.." }],
  ])("%s: %j", (what, config, env) => {
    expect(() => read(JSON.parse(JSON.stringify(config)) as object, env)).toThrow(refusal(`have ${what}`));
  });

  it("also by links", () => {
    expect(() => read(TWO, { AUDIT_STATE_DIR: `${folder}/{name}` })).toThrow(refusal("have one state folder"));
    expect(() => read(TWO, { AUDIT_SIGNING_KEY_FILE: `${folder}/{name}.key` })).toThrow(refusal("have one key"));
    for (const sink of [
      `file:${folder}/{name}.log`,
      `tiles:${folder}/{name}.tree`,
      `git:${folder}/{name}.tree?path=a.log`,
    ])
      expect(() => read({ ...TWO, sinks: [sink] })).toThrow(refusal("have one sink"));
  });

  it("also by other spellings", () => {
    const spelled = (eu: string, us: string) => () =>
      read({
        ...TWO,
        databases: { eu: { ...TWO.databases.eu, sinks: [eu] }, us: { ...TWO.databases.us, sinks: [us] } },
      });
    for (const [eu, us] of [
      ["file:/data/eu.log", "file:///data/%65u.log"],
      ["tiles:/data/tree", "tiles:/data/tree/"],
      ["s3://audit/log?retention=P10Y", "s3://audit/%6Cog/"],
      ["s3://audit/log?region=a&endpoint=https://s3.test", "s3://audit/log/?endpoint=https://s3.test"],
      ["git:/papers?path=a.log&push=origin", "git:/papers/?push=origin&path=a.log"],
    ] as const)
      expect(spelled(eu, us)).toThrow(refusal("have one sink"));
    expect(spelled("git:/papers?path=a.log&branch=eu", "git:/papers?path=a.log&branch=us")()?.members).toHaveLength(2);
  });

  it.each([
    ["state", "--state"],
    ["sign", "--sign"],
    ["heartbeat", "--heartbeat"],
    ["publishHeartbeat", "--publish-heartbeat"],
    ["verifyHeartbeat", "--verify-heartbeat"],
    ["fullHeartbeat", "--full-heartbeat"],
  ])("also by the option %s", (name, option) => {
    const error = refusal(`${option} is "https://me:***@one", for several databases; expected {name} in it`);
    expect(() => requireOwnFiles({ [name]: "https://me:hush@one" }, 2)).toThrow(error);
    for (const [value, count] of [
      ["https://one", 1],
      ["https://one/{name}", 2],
    ] as const)
      requireOwnFiles({ [name]: value }, count);
  });

  it("also where only one of them is asked for, which could take the other's place", () => {
    expect(() => read({ ...TWO, origin: "example.org/all" }, {}, { only: "eu" })).toThrow(refusal("have one origin"));
  });

  it("a chain in another schema of one database is another one", () => {
    const database = "postgres://audit@eu/app";
    const databases = { eu: { database }, us: { database, schema: "audit" } };
    expect(read({ ...TWO, databases })?.members).toHaveLength(2);
  });

  it("a database of the environment is one, unless it has {name} in it", () => {
    const { databases: _, ...common } = TWO;
    expect(() => read(TWO, { AUDIT_DATABASE_URL: "postgres://audit@eu/app" })).toThrow(refusal("names one database"));
    expect(
      environments({ ...common, databases: { eu: {}, us: {} } }, { AUDIT_DATABASE_URL: "postgres://db/{name}" }),
    ).toMatchObject({ eu: { AUDIT_DATABASE_URL: "postgres://db/eu" }, us: { AUDIT_DATABASE_URL: "postgres://db/us" } });
  });
});
