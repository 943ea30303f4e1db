/** `audit-verify` alerts by itself: an auditor's verifier needs no publisher, and writes nothing to the database. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { append, type ChainDatabase, openChain, ORIGIN } from "../chain-database.ts";

const CLI = new URL("../../src/cli.ts", import.meta.url).pathname;

async function run(chain: ChainDatabase, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, ["--conditions=source", CLI, ...args], {
    env: {
      PATH: process.env["PATH"],
      AUDIT_DATABASE_URL: chain.url,
      AUDIT_SINKS: chain.paths.map((path) => `file:${path}`).join(),
      AUDIT_VERIFIER_KEYS: chain.vkeys.join(" "),
      AUDIT_ORIGIN: ORIGIN,
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (data: Buffer) => (stdout += data.toString()));
  child.stderr.on("data", (data: Buffer) => (stderr += data.toString()));
  const [exit] = (await once(child, "close")) as [number | null];
  return { exit, stdout, stderr };
}

it("posts what it finds, remembers that, and says when it is over", async () => {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      bodies.push(body);
      response.end();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  const chain = await openChain();
  await append(chain.sql, "thing", "1", "2");
  await chain.publish();
  const state = join(chain.paths[0] ?? "", "../alerts");
  const env = { AUDIT_WEBHOOK_SECRET: "a secret of the receiver" };
  const args = ["--json", "--alert-webhook", url, "--alert-state", state];

  expect(await run(chain, ["--alert-webhook", url], env)).toMatchObject({
    exit: 2,
    stderr: expect.stringMatching(/--alert-webhook needs --alert-state/),
  });
  expect(await run(chain, [...args, "--alert-format", "teams"], env)).toMatchObject({
    exit: 2,
    stderr: expect.stringMatching(/--alert-format is "teams"; expected json, slack, pagerduty, alertmanager/),
  });
  expect((await run(chain, args)).stderr).toMatch(/AUDIT_WEBHOOK_SECRET is not set/);
  const [{ hash = "" } = {}] =
    await chain.sql`select encode(payload_hash, 'hex') as hash from public.audit_chain where seq = 2`;
  const put = async (value: string) =>
    chain.sql.begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await tx`update public.audit_chain set payload_hash = decode(${value}, 'hex') where seq = 2`;
    });
  await put("00".repeat(32));
  // What cannot be told does not change the verdict on a finding, and makes a clean run fail.
  const away = [...args.slice(0, 2), "http://127.0.0.1:1/", ...args.slice(3)];
  const bad = await run(chain, away, env);
  expect(bad.exit).toBe(1);
  const { alerts } = JSON.parse(bad.stdout) as {
    alerts: { new: number; posted: number; pending: number; written: number };
  };
  expect(alerts).toMatchObject({ posted: 0, written: 0, pending: alerts.new });
  expect(await chain.sql`select 1 from public.senate_alerts`).toHaveLength(0);
  await put(hash);
  expect(await run(chain, away, env)).toMatchObject({ exit: 3 });
  const said = await run(chain, [
    "alerts",
    "--alert-state",
    state,
    "--all",
    "--reason",
    "put back",
    "--by",
    "mira",
    "--json",
  ]);
  expect(JSON.parse(said.stdout)).toEqual({ alerts: [] });
  expect(await run(chain, args, env)).toMatchObject({ exit: 0 });
  expect(bodies.map((body) => (JSON.parse(body) as { event: string }).event)).toEqual([
    "audit_chain_break",
    "audit_chain_break_resolved",
  ]);
}, 120_000);
