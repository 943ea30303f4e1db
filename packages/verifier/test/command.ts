import { type ChildProcess, spawn } from "node:child_process";
import { append, type ChainDatabase, openChain, ORIGIN } from "./chain-database.ts";

const CLI = new URL("../src/cli.ts", import.meta.url).pathname;
export interface Outcome {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the real command from its sources, with nothing in its environment but what it needs. */
export function start(
  chain: ChainDatabase,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): ChildProcess {
  return spawn(process.execPath, ["--conditions=source", CLI, ...args], {
    env: {
      PATH: process.env["PATH"],
      NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"],
      AUDIT_DATABASE_URL: chain.url,
      AUDIT_SINKS: chain.paths.map((path) => `file:${path}`).join(),
      AUDIT_VERIFIER_KEYS: chain.vkeys.join(" "),
      AUDIT_ORIGIN: ORIGIN,
      ...environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

export async function finish(child: ChildProcess): Promise<Outcome> {
  let [stdout, stderr] = ["", ""];
  child.stdout?.on("data", (data: Buffer) => (stdout += data.toString()));
  child.stderr?.on("data", (data: Buffer) => (stderr += data.toString()));
  const exit = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { exit, stdout, stderr };
}

/** Runs it to its end. */
export const run = async (chain: ChainDatabase, args: readonly string[], environment: NodeJS.ProcessEnv = {}) =>
  await finish(start(chain, args, environment));

/** A published chain of ten links, with a table of five rows. */
export async function prepared(): Promise<ChainDatabase> {
  const chain = await openChain();
  await chain.sql.unsafe(
    "create table public.note (id int primary key, body text); select public.audit_chain_attach('public.note', mode => 'strict')",
  );
  await chain.sql`insert into public.note select n, 'x' from generate_series(1, 5) as n`;
  await append(chain.sql, "thing", "1", "2", "3", "4");
  await chain.publish();
  return chain;
}
