/**
 * Verifies in shards on a Slurm cluster of a controller and two nodes, all on this machine, by deploy/slurm: an honest chain;
 * rows that somebody has changed; and a shard that is killed.
 *
 * usage: node --conditions=source .ci/slurm/main.ts (as root; needs slurmctld, slurmd, munged and psql)
 */
import { strict as assert } from "node:assert";
import { mkdirSync, mkdtempSync, readdirSync, appendFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbedded } from "../../packages/testkit/src/index.ts";
import { type Ended, run, succeed } from "../deploy/succeed.ts";
import { ROOT } from "../packages.ts";
import { startCluster } from "./cluster.ts";

/** One for each node: a task here costs what a run of the verifier costs. */
const SHARDS = 2;
const folder = mkdtempSync(join(tmpdir(), "audit-slurm-"));

try {
  await using server = await startEmbedded();
  const psql = async (text: string): Promise<string> =>
    await succeed("psql", ["--no-psqlrc", "-qtA", "--set=ON_ERROR_STOP=1", "-c", text, server.url]);
  const sinks = `file:${join(folder, "head.log")}`;
  const settings = { AUDIT_DATABASE_URL: server.url, AUDIT_SINKS: sinks, AUDIT_VERIFIER_KEYS: join(folder, "vkeys") };
  const cli = async (...args: string[]): Promise<string> =>
    await succeed(process.execPath, ["--conditions=source", join(ROOT, "apps/cli/src/cli.ts"), ...args], {
      ...process.env,
      ...settings,
      AUDIT_SIGNING_KEY_FILE: join(folder, "key"),
    });
  await cli("init");
  await psql("create table orders (id bigint primary key, amount numeric)");
  await cli("attach", "orders");
  writeFileSync(
    settings.AUDIT_VERIFIER_KEYS,
    await cli("keygen", "--name", "example.org/orders", "--out", join(folder, "key")),
  );
  for (let head = 0; head < SHARDS; head++) {
    await psql(`insert into orders select k, k from generate_series(${head * 1000 + 1}, ${head * 1000 + 1000}) k`);
    await cli("publish");
  }

  const programs = join(folder, "bin");
  mkdirSync(programs);
  const program = `exec "${process.execPath}" --conditions=source "${join(ROOT, "packages/verifier/src/cli.ts")}" "$@"\n`;
  writeFileSync(join(programs, "audit-verify"), `#!/bin/sh\n${program}`, { mode: 0o755 });
  const cache = process.env["NODE_COMPILE_CACHE"];
  const compiled = cache === undefined ? {} : { NODE_COMPILE_CACHE: cache };
  const file = join(folder, "settings");
  const lines = Object.entries({ ...settings, ...compiled, PATH: `${programs}:/usr/bin:/bin` }).map(
    ([name, value]) => `export ${name}='${value}'\n`,
  );
  writeFileSync(file, lines.join(""), { mode: 0o600 });
  const runs = join(folder, "runs");
  mkdirSync(runs);

  await using cluster = await startCluster(join(folder, "cluster"));
  const verify = async (): Promise<Ended & { readonly folder: string }> => {
    const before = new Set(readdirSync(runs));
    const ended = await run(join(ROOT, "deploy/slurm/verify"), [file, runs, String(SHARDS)], cluster.environment);
    const [name = ""] = readdirSync(runs).filter((other) => !before.has(other));
    const made = readdirSync(join(runs, name));
    assert.ok(!made.includes("secret"), "the secret of a run is still there");
    return { ...ended, folder: join(runs, name) };
  };

  const honest = await verify();
  assert.equal(honest.code, 0, honest.output);
  assert.match(honest.output, /"status":"intact"/);
  const reports = readdirSync(honest.folder).filter((name) => /^shard-\d+\.json$/.test(name));
  assert.equal(reports.length, SHARDS);
  const jobs = await succeed("scontrol", ["show", "job", "--oneliner"], cluster.environment);
  const nodes = new Set([...jobs.matchAll(/ArrayTaskId=\d+ .* NodeList=(\S+)/g)].map((match) => match[1]));
  assert.equal(nodes.size, 2, jobs);
  console.log(`ok    ${SHARDS} tasks of an array verify together, on two nodes`);

  await psql(
    "begin; set local session_replication_role = replica; update orders set amount = 4 where id = 1234; commit",
  );
  const tampered = await verify();
  assert.equal(tampered.code, 1, tampered.output);
  assert.match(tampered.output, /"check":"source_edited"[^}]*"event_pk":"1234"/);
  console.log("ok    a row changed past its trigger is found by the merge, which ends with 1");

  // Its settings end it, as a node would that runs out of memory.
  appendFileSync(file, `[ "\${SLURM_ARRAY_TASK_ID:-}" != 2 ] || kill -9 $$\n`);
  const mend = "update orders set amount = 1234 where id = 1234";
  await psql(`begin; set local session_replication_role = replica; ${mend}; commit`);
  const unproven = await verify();
  assert.equal(unproven.code, 3, unproven.output);
  assert.match(unproven.output, /"status":"unproven"/);
  assert.ok(!readdirSync(unproven.folder).includes("shard-2.json"));
  console.log("ok    without the report of a task that was killed, nothing is called intact");
} finally {
  rmSync(folder, { recursive: true, force: true });
}
