import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateKeyFiles } from "@scidex/audit-publisher";
import { migrate } from "@scidex/audit-schema";
import { asRole, type EmbeddedServer, toDatabase } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import { type Client, connect } from "../audited-database.ts";
import { createBusyTables } from "../busy-tables.ts";
import { APPLICATION, CONFIG } from "./tables.ts";

export const ORIGIN = "example.org/year";
export const DATABASE = "platform";
const PASSWORD = "a year";

/** Who logs in, and what for. */
const LOGINS = {
  /** Owns the application's tables, migrates and runs `sync`. */
  deployer: "scidex_audit_deployer",
  publisher: "scidex_audit_publisher",
  inspector: "scidex_audit_inspector",
  app: null,
} as const;
export type Login = keyof typeof LOGINS | "superuser";

/** A database with an application in it, and what lies outside of it: keys, states, sinks, the two files. */
export interface Platform extends AsyncDisposable {
  readonly server: EmbeddedServer;
  readonly keyFile: string;
  readonly vkeys: string[];
  /** The key of whoever may have a person's data erased. */
  readonly privacyKey: string;
  /** Paths of the head logs. */
  readonly logs: readonly [string, string];
  readonly policyFile: string;
  readonly configFile: string;
  readonly url: (login: Login) => string;
  /** A client of its own for each piece of work: a restored database ends all sessions. */
  readonly connect: (login: Login, max?: number) => Client;
}

export const sinksOf = ({ logs }: Platform): string[] => logs.map((path) => `file:${path}`);

/** On a server of its own: roles are the whole server's. */
export async function openPlatform(server: EmbeddedServer): Promise<Platform> {
  const folder = mkdtempSync(join(tmpdir(), "audit-year-"));
  const path = (name: string): string => join(folder, name);
  const url = (login: Login): string =>
    toDatabase(login === "superuser" ? server.url : asRole(server.url, `year_${login}`, PASSWORD), DATABASE);
  const keyFile = path("key");
  const { vkeys } = await generateKeyFiles({ origin: ORIGIN, out: keyFile });
  const privacyKey = path("privacy.key");
  const platform: Platform = {
    server,
    keyFile,
    vkeys: [...vkeys],
    privacyKey,
    logs: [path("one.log"), path("other.log")],
    policyFile: path("policy.json"),
    configFile: path("audit.config.json"),
    url,
    connect: (login, max = 1) => connect(url(login), { max }),
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
  };
  writeFileSync(platform.configFile, JSON.stringify(CONFIG));
  await setUp(platform);
  return platform;
}

async function setUp(platform: Platform): Promise<void> {
  await using maintenance = connect(platform.server.url);
  for (const login of Object.keys(LOGINS))
    await maintenance.unsafe(`create role year_${login} login password '${PASSWORD}'`);
  await maintenance.unsafe(`create database ${DATABASE} owner year_deployer`);
  await using superuser = platform.connect("superuser", 2);
  await migrate(drizzle(superuser));
  for (const [login, role] of Object.entries(LOGINS))
    if (role !== null) await superuser.unsafe(`grant ${role} to year_${login}`);
  await superuser.unsafe(`grant create on schema public to year_deployer`);
  await using deployer = platform.connect("deployer", 2);
  await deployer.unsafe(APPLICATION);
  await createBusyTables(deployer, drizzle(deployer));
}
