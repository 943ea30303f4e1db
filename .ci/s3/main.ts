/**
 * The commands with an `s3:` sink on a real server (versitygw), beside a file: publishing, proofs and bundles from the bucket
 * alone, and attacks by somebody who has the publisher's credentials for it.
 *
 * usage: node --conditions=source .ci/s3/main.ts (needs psql; and go, unless AUDIT_TEST_VERSITYGW names the server's program)
 */
import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CREDENTIALS, gatewayProgram, startGateway } from "../../packages/sinks/test/s3/gateway.ts";
import { TestBucket } from "../../packages/sinks/test/s3/test-bucket.ts";
import { startEmbedded } from "../../packages/testkit/src/index.ts";

const folder = mkdtempSync(join(tmpdir(), "audit-s3-"));
Object.assign(process.env, CREDENTIALS);
await using server = await startEmbedded();
await using gateway = await startGateway(gatewayProgram(folder), { versions: true });
const [locked, open] = [
  await TestBucket.create("audit-locked", gateway.endpoint, "locked"),
  await TestBucket.create("audit-open", gateway.endpoint, "versions"),
];
const [keyFile, vkeys] = [join(folder, "key"), join(folder, "vkeys")];
const sinks = (...buckets: string[]): string => [`file:${join(folder, "head.log")}`, ...buckets].join(",");
const env = {
  ...process.env,
  AUDIT_DATABASE_URL: server.url,
  AUDIT_SINKS: sinks(locked.url(), open.url()),
  AUDIT_SIGNING_KEY_FILE: keyFile,
  AUDIT_VERIFIER_KEYS: vkeys,
};
const CLI = join(import.meta.dirname, "../../apps/cli/src/cli.ts");

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly output: string;
}

function cli(args: readonly string[], more: NodeJS.ProcessEnv = {}): Ended {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, ["--conditions=source", CLI, ...args], {
    cwd: folder,
    env: { ...env, ...more },
    encoding: "utf8",
    timeout: 120_000,
  });
  if (error !== undefined) throw error;
  return { status, stdout, output: `${stdout}${stderr}` };
}

function succeed(...args: string[]): string {
  const { status, stdout, output } = cli(args);
  assert.equal(status, 0, `${args.join(" ")}: ${output}`);
  return stdout;
}

/** Verifies, and says with which exit code, and which checks were found. */
function verified(...more: string[]): {
  readonly exit: number | null;
  readonly checks: string[];
  readonly text: string;
} {
  const { status, stdout, output } = cli(["verify", "--json", "--checks", "links,heads", ...more]);
  const report = JSON.parse(stdout === "" ? "{}" : stdout) as { divergences?: { check: string }[] };
  return { exit: status, checks: [...new Set((report.divergences ?? []).map(({ check }) => check))], text: output };
}

function psql(statement: string): void {
  const args = ["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--command", statement, server.url];
  const { status, stderr } = spawnSync("psql", args, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
}

let rows = 0;
function publish(count: number): Ended {
  psql(`insert into events select k, 'event' from generate_series(${rows + 1}, ${rows + count}) k`);
  rows += count;
  return cli(["publish", "--json"]);
}

try {
  succeed("init");
  psql("create table events (id int primary key, what text)");
  succeed("attach", "events");
  writeFileSync(vkeys, succeed("keygen", "--name", "example.org/s3", "--out", keyFile));
  const state = ["--state", join(folder, "verifier.state")];
  for (const count of [3, 600, 300]) assert.equal(publish(count).status, 0);
  assert.deepEqual({ ...verified(...state), text: "" }, { exit: 0, checks: [], text: "" });
  succeed("prove", "--kind", "events", "--pk", "600", "--from", locked.url(), "--out", "600.tlog-proof");
  succeed("verify-proof", "600.tlog-proof", "--kind", "events", "--pk", "600");
  succeed("verify", "--bundle", locked.url());
  assert.match(succeed("status", "--json"), new RegExp(`s3://${locked.name}/log`, "u"));
  console.log("published, verified, proven, from the bucket alone too");

  // Object Lock: whoever deletes everything and writes over it has changed nothing, and is named.
  for (const key of await locked.keys("log/")) {
    await locked.remove(key);
    if (!key.endsWith("/checkpoint")) await locked.put(key, "x");
  }
  const covered = verified(...state);
  assert.deepEqual([covered.exit, covered.checks], [0, []], covered.text);
  assert.match(covered.text, /somebody has written or deleted/u);
  succeed("verify", "--bundle", locked.url());
  const after = publish(10);
  assert.equal(after.status, 0, after.output);
  assert.match(after.output, /somebody has written or deleted/u);
  assert.equal(verified(...state).exit, 0);
  console.log("behind delete markers and later versions, what was locked is read, and published to");

  // D14, D03: a checkpoint that is older, or nobody's, until the next head.
  const versions = await locked.versionsOf("log/checkpoint");
  const older = (await locked.get("log/checkpoint", versions.at(-1))) ?? "";
  for (const [bytes, check] of [
    [older, "sink_rewound"],
    ["x", "sink_signature"],
  ] as const) {
    await locked.put("log/checkpoint", bytes);
    assert.deepEqual([verified(...state).exit, verified(...state).checks], [1, [check]]);
    const { status, output } = publish(1);
    assert.equal(status, 0, output);
    assert.equal(verified(...state).exit, 0);
  }
  console.log("another checkpoint is found, and ends with the next head");

  // D01, D03, D09: without a lock, a log can be cut; the publisher signs nothing then.
  const last = (await open.keys("log/chain_head.log/")).at(-1) ?? "";
  const cut = (await open.get(last)) ?? "";
  await open.purge(last);
  assert.deepEqual([verified(...state).exit, verified(...state).checks], [1, ["sink_rewound"]]);
  assert.equal(publish(1).status, 1);
  await open.put(last, cut);
  // D14: a tile without its bytes.
  const tile = "log/tile/entries/000";
  const whole = (await open.get(tile)) ?? new Uint8Array();
  await open.purge(tile);
  await open.put(tile, whole.with(100, (whole.at(100) ?? 0) ^ 1));
  assert.equal(cli(["verify", "--bundle", open.url()]).status, 1);
  await open.purge(tile);
  await open.put(tile, whole);
  assert.equal(publish(1).status, 0);
  assert.equal(verified(...state).exit, 0);
  // D02, D04: a line that nobody signed.
  const end = String((await open.logLength("log/")) ?? 0).padStart(16, "0");
  await open.put(`log/chain_head.log/${end}`, `{"seq":1}\n`);
  assert.deepEqual([verified(...state).exit, verified(...state).checks], [1, ["sink_signature"]]);
  assert.equal(publish(1).status, 1);
  console.log("a cut, a changed entry, a planted line are found, and nothing is signed");

  // A new prefix is filled from the other sinks.
  const fresh = { AUDIT_SINKS: sinks(locked.url(), open.url("anew")) };
  assert.equal(cli(["publish", "--json"], fresh).status, 0);
  assert.equal(cli(["verify", "--bundle", open.url("anew")]).status, 0);
  // D10, and D05's way out: the same bucket by another name.
  const twice = { AUDIT_SINKS: sinks(locked.url(), locked.url().replace("127.0.0.1", "localhost")) };
  const refused = cli(["publish", "--json"], twice);
  assert.equal(refused.status, 2, refused.output);
  assert.match(refused.output, /are one sink/u);
  const denied = cli(["publish", "--json"], { ...fresh, AWS_SECRET_ACCESS_KEY: "another" });
  assert.equal(denied.status, 3, denied.output);
  assert.ok(!denied.output.includes("another"));
  console.log("a new prefix is filled; one bucket by two names is refused; without credentials it is exit 3");
} finally {
  rmSync(folder, { recursive: true, force: true });
}
