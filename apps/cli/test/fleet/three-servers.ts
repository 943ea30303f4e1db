import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type EmbeddedServer, startEmbedded } from "@scidex/audit-testkit";
import postgres from "postgres";
import { type Ended, runCli } from "../run-cli.ts";

const SOURCES = new URL("../../../../", import.meta.url);
export const PUBLISHER = fileURLToPath(new URL("apps/publisher/src/cli.ts", SOURCES));

export const NAMES = ["asia", "eu", "us"] as const;
export type Name = (typeof NAMES)[number];

/** Three servers, each with a chain, a table and keys of its own, and one file that names them. */
export interface ThreeServers extends AsyncDisposable {
  readonly folder: string;
  readonly config: string;
  readonly servers: Readonly<Record<Name, EmbeddedServer>>;
  /** What the commands are told by the environment: of each member by `{name}`. */
  readonly env: Readonly<Record<string, string>>;
  run(args: readonly string[], env?: Readonly<Record<string, string>>, program?: string): Promise<Ended>;
  /** SQL with full write authority. */
  attack(name: Name, statement: string): Promise<void>;
}

export async function threeServers(): Promise<ThreeServers> {
  const folder = await mkdtemp(join(tmpdir(), "audit-fleet-"));
  const started = await Promise.all(NAMES.map(async () => await startEmbedded()));
  const servers = Object.fromEntries(NAMES.map((name, i) => [name, started[i]])) as Record<Name, EmbeddedServer>;
  for (const name of NAMES) await prepare(name, servers[name].url, folder);
  const config = join(folder, "fleet.json");
  await writeFile(config, JSON.stringify(configOf(servers, folder)));
  const env = {
    AUDIT_SIGNING_KEY_FILE: join(folder, "{name}.key"),
    AUDIT_VERIFIER_KEYS: join(folder, "{name}.vkeys"),
  };
  return {
    folder,
    config,
    servers,
    env,
    run: async (args, more = {}, program) =>
      await runCli(args, { env: { ...env, ...more }, cwd: folder, ...(program === undefined ? {} : { program }) }),
    attack: async (name, statement) => await query(servers[name].url, statement),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(started.map(async (server) => await server.stop()));
      await rm(folder, { recursive: true });
    },
  };
}

export const configOf = (servers: Readonly<Record<Name, EmbeddedServer>>, folder: string) => ({
  origin: "example.org/{name}",
  sinks: [`file:${folder}/{name}.log`],
  tables: { "public.orders": { changes: "refuse" } },
  databases: Object.fromEntries(NAMES.map((name) => [name, { database: servers[name].url }])) as Record<string, object>,
});

async function prepare(name: Name, url: string, folder: string): Promise<void> {
  const env = { AUDIT_DATABASE_URL: url };
  expectDone(await runCli(["init"], { env }));
  await query(url, "create table public.orders (id int primary key, item text not null)");
  expectDone(await runCli(["attach", "orders"], { env }));
  await query(url, `insert into public.orders select i, '${name} ' || i from generate_series(1, 20) i`);
  const keys = await runCli(["keygen", "--name", `example.org/${name}`, "--out", join(folder, `${name}.key`)]);
  expectDone(keys);
  await writeFile(join(folder, `${name}.vkeys`), keys.stdout);
}

async function query(url: string, statement: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  await sql.unsafe(statement);
  await sql.end();
}

function expectDone({ code, stderr }: Ended): void {
  if (code !== 0) throw new Error(`exit ${code}: ${stderr}`);
}
