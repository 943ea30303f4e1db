// Members whose databases, keys, policies or configurations are mixed up, by mistake or on purpose: none is ever intact.
import { copyFile, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { asRole } from "@scidex/audit-testkit";
import { jsonOf } from "../run-cli.ts";
import { configOf, type Name, NAMES, PUBLISHER, type ThreeServers, threeServers } from "./three-servers.ts";

interface Answer {
  readonly exit: number;
  readonly databases: Readonly<
    Record<string, { readonly exit: number; readonly error?: { readonly message: string } }>
  >;
}

let fleet: ThreeServers;
beforeAll(async () => {
  fleet = await threeServers();
  await fleet.run(["publish", "--config", fleet.config]);
});
afterAll(async () => {
  await fleet[Symbol.asyncDispose]();
});

/** Runs it with a configuration that was changed; the exit codes by name. */
async function exits(
  args: readonly string[],
  change: (config: ReturnType<typeof configOf>) => void = () => {},
  env: Readonly<Record<string, string>> = {},
): Promise<Record<string, number>> {
  const config = configOf(fleet.servers, fleet.folder);
  change(config);
  const file = join(await mkdtemp(join(fleet.folder, "c-")), "fleet.json");
  await writeFile(file, JSON.stringify(config));
  const by = args[0] === "verify" ? "--fleet" : "--config";
  const ended = await fleet.run([...args, by, file, "--json"], env);
  const { databases = {} } = jsonOf(ended) as Partial<Answer>;
  return Object.fromEntries(Object.entries(databases).map(([name, { exit }]) => [name, exit]));
}
const url = (name: Name) => ({ database: fleet.servers[name].url });

describe("a member's report cannot stand for another's", () => {
  it("where their databases have changed places", async () => {
    const change = (config: ReturnType<typeof configOf>): void => {
      Object.assign(config.databases, { eu: url("us"), us: url("eu") });
    };
    expect(await exits(["verify"], change)).toEqual({ asia: 0, eu: 1, us: 1 });
    const published = await exits(["publish"], change);
    expect(published).toMatchObject({ asia: 0 });
    expect(Object.values(published).filter((exit) => exit === 0)).toHaveLength(1);
  });

  it("where one has the sinks of another", async () => {
    const found = await exits(["verify"], (config) => {
      const [eu, us] = [`file:${fleet.folder}/us.log`, `file:${fleet.folder}/eu.log`];
      Object.assign(config.databases, { eu: { ...url("eu"), sinks: [eu] }, us: { ...url("us"), sinks: [us] } });
    });
    expect(found["asia"]).toBe(0);
    expect([found["eu"], found["us"]]).not.toContain(0);
  });

  it("where one has a copy of another's key", async () => {
    const folder = await mkdtemp(join(fleet.folder, "k-"));
    for (const name of NAMES)
      for (const suffix of [".key", ".key.state", ".vkeys"])
        await copyFile(join(fleet.folder, `${name === "eu" ? "us" : name}${suffix}`), join(folder, `${name}${suffix}`));
    const keys = {
      AUDIT_SIGNING_KEY_FILE: join(folder, "{name}.key"),
      AUDIT_VERIFIER_KEYS: join(folder, "{name}.vkeys"),
    };
    const before = await readFile(join(fleet.folder, "eu.log"), "utf8");
    const verified = await exits(["verify"], undefined, keys);
    expect(verified).toMatchObject({ asia: 0, us: 0 });
    expect(verified["eu"]).not.toBe(0);
    expect((await exits(["publish", "--only", "eu"], undefined, keys))["eu"]).not.toBe(0);
    expect(await readFile(join(fleet.folder, "eu.log"), "utf8")).toBe(before);
  });

  it("where one has the policy of another, and a policy that is missing is its own failure", async () => {
    const folder = await mkdtemp(join(fleet.folder, "p-"));
    for (const [name, origin] of [
      ["eu", "us"],
      ["us", "us"],
    ] as const)
      await writeFile(join(folder, `${name}.json`), JSON.stringify({ origin: `example.org/${origin}`, tables: {} }));
    const policies = { AUDIT_POLICY: join(folder, "{name}.json") };
    expect(await exits(["verify"], undefined, policies)).toEqual({ asia: 2, eu: 2, us: 0 });
    const file = fleet.config;
    const ended = await fleet.run(["verify", "--config", file, "--json"], policies, PUBLISHER);
    expect(jsonOf(ended)).toMatchObject({
      exit: 2,
      databases: { asia: { exit: 2 }, eu: { exit: 2 }, us: { exit: 0 } },
    });
  });
});

describe("a fleet", () => {
  it("takes passwords from files, and says of whom there is none", async () => {
    await writeFile(join(fleet.folder, "eu.password"), `${new URL(fleet.servers.eu.url).password}\n`, { mode: 0o600 });
    const found = await exits(["publish"], (config) => {
      for (const name of ["eu", "us"] as const)
        config.databases[name] = {
          database: asRole(fleet.servers[name].url, "postgres"),
          password_file: join(fleet.folder, `${name}.password`),
        };
    });
    expect(found).toEqual({ asia: 0, eu: 0, us: 2 });
  });

  it("is never taken from the folder where an auditor or a publisher works", async () => {
    const planted = configOf(fleet.servers, fleet.folder);
    await writeFile(
      join(fleet.folder, "audit.config.json"),
      JSON.stringify({ ...planted, databases: { us: url("us") } }),
    );
    const env = {
      AUDIT_DATABASE_URL: fleet.servers.eu.url,
      AUDIT_ORIGIN: "example.org/eu",
      AUDIT_SINKS: `file:${fleet.folder}/eu.log`,
      AUDIT_VERIFIER_KEYS: join(fleet.folder, "eu.vkeys"),
      AUDIT_SIGNING_KEY_FILE: join(fleet.folder, "eu.key"),
    };
    for (const command of ["verify", "publish"]) {
      expect(await fleet.run([command, "--json"], env)).toMatchObject({
        code: 0,
        stdout: expect.not.stringContaining('"databases"') as string,
      });
      expect(await fleet.run([command, "--only", "us"], env)).toMatchObject({ code: 2, stdout: "" });
    }
  });

  it("has to be narrowed to one for a command that works on one", async () => {
    const env = { AUDIT_CONFIG: fleet.config };
    expect(await fleet.run(["detach", "orders"], env)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("say which with --only NAME") as string,
    });
    expect(await fleet.run(["append", "--kind", "note", "--pk", "1", "--only", "us"], env)).toMatchObject({ code: 0 });
  });

  it("has for each what the file says of its tables", async () => {
    const config = configOf(fleet.servers, fleet.folder);
    Object.assign(config.databases, { eu: { ...url("eu"), tables: { "public.orders": { changes: "track" } } } });
    const file = join(fleet.folder, "own-tables.json");
    await writeFile(file, JSON.stringify(config));
    const ended = await fleet.run(["sync", file, "--check", "--json"]);
    expect(jsonOf(ended)).toMatchObject({
      exit: 4,
      databases: { asia: { exit: 0 }, eu: { exit: 4 }, us: { exit: 0 } },
    });
    const { code, stderr } = await fleet.run(["sync", file]);
    expect([code, stderr.trimEnd().split("\n")]).toEqual([
      0,
      [expect.stringMatching(/^eu: public\.orders: changes is /u)],
    ]);
  });
});
