/**
 * Recomputes a real chain with other tools: psql, with PostgreSQL's own functions, and Python's standard library. Then
 * it tampers with the chain and with a row, to see that both would have noticed.
 *
 * usage: node --conditions=source .ci/recompute.ts (needs psql and python3)
 */
import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbedded } from "../packages/testkit/src/index.ts";

const here = (name: string): string => join(import.meta.dirname, name);
const folder = mkdtempSync(join(tmpdir(), "audit-recompute-"));
const heads = join(folder, "head.log");
await using server = await startEmbedded();
const env = {
  ...process.env,
  AUDIT_DATABASE_URL: server.url,
  AUDIT_SINKS: `file:${heads}`,
  AUDIT_SIGNING_KEY_FILE: join(folder, "key"),
};

function run(program: string, ...args: string[]): { status: number | null; stdout: string } {
  const { status, stdout, stderr, error } = spawnSync(program, args, { env, encoding: "utf8" });
  if (error !== undefined) throw error;
  process.stderr.write(stderr);
  return { status, stdout };
}

function succeed(program: string, ...args: string[]): string {
  const { status, stdout } = run(program, ...args);
  assert.equal(status, 0, `${program} ${args.join(" ")}: ${stdout}`);
  return stdout;
}

const cli = (...args: string[]): string =>
  succeed(process.execPath, "--conditions=source", here("../apps/cli/src/cli.ts"), ...args);
const psql = (...args: string[]): string =>
  succeed("psql", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "-tA", ...args, server.url);
const inSql = (): string => psql("--file", here("recompute/chain.sql")).trim();
const inPython = (): { status: number | null; stdout: string } =>
  run("python3", here("recompute/chain.py"), server.url, heads);
/** Changes something behind the triggers' back. */
const tamper = (statement: string): string =>
  psql("--command", `begin; set local session_replication_role = replica; ${statement}; commit`);

try {
  cli("init");
  psql("--file", here("recompute/tables.sql"));
  cli("attach", "readings", "--mode", "strict");
  cli("attach", "pauses", "--changes", "track", "--mode", "sealed");
  cli("keygen", "--name", "example.org/recompute", "--out", join(folder, "key"));
  psql("--file", here("recompute/rows.sql"));
  cli("publish", "--json");
  cli("seal", "--json");
  cli("append", "--kind", "release ü\u2028", "--pk", 'a "quoted" \\ key');
  cli("publish", "--json");

  const links = Number(psql("--command", "select count(*) from audit_chain"));
  // 2 attachments, 402 readings, 2 pauses and a change, 1 insert and its delete; a migration taken in, 3 pauses and a change;
  // 1 event without a table.
  assert.equal(links, 2 + 402 + 2 + 1 + 2 + 1 + 3 + 1 + 1);
  assert.equal(inSql(), `${links}|0|0|0|0|0`);
  console.log(`psql recomputed ${links} links and the payloads of ${402 + 2 + 3} rows`);
  const { status, stdout } = inPython();
  assert.equal(status, 0, stdout);
  assert.match(stdout, new RegExp(`^${links} links, `, "m"));
  console.log(`python3: ${stdout.trim()}`);

  tamper("update readings set value = 1.100 where id = 1");
  assert.equal(inSql(), `${links}|0|0|0|0|1`);
  assert.match(inPython().stdout, /^readings 1: /m);
  tamper("update readings set value = 1.10 where id = 1");
  tamper("update audit_chain set before_hash = null where event_kind = 'pauses:update' and event_pk ~ 'skill'");
  assert.equal(inSql(), `${links}|1|0|0|0|0`);
  assert.match(inPython().stdout, /^before_hash of seq /m);
  tamper("update audit_chain set appended_at = appended_at + interval '1 microsecond' where seq = 5");
  assert.equal(inSql(), `${links}|2|0|0|0|0`);
  assert.equal(inPython().status, 1);
  console.log("both notice an edited row and edited links");
} finally {
  rmSync(folder, { recursive: true, force: true });
}
