/**
 * Has other people's programs judge what we publish: Go's sumdb, torchwood and transparency-dev/formats (tlog/main.go) and
 * Tessera's fsck read our tiles, heads and proofs. Then single bits are flipped, to see that all would have noticed. A
 * litewitness cosigns (tlog/litewitness.ts).
 *
 * usage: node --conditions=source .ci/tlog.ts (needs psql, ssh-agent and go, which fetches the modules)
 */
import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkLitewitness, LITEWITNESS } from "./tlog/litewitness.ts";
import { startEmbedded } from "../packages/testkit/src/index.ts";

const FSCK = "github.com/transparency-dev/tessera/cmd/fsck@v1.0.4";

const folder = mkdtempSync(join(tmpdir(), "audit-tlog-"));
const tiles = join(folder, "tiles");
const [keyFile, vkeys, logKey] = [join(folder, "key"), join(folder, "vkeys"), join(folder, "log.vkey")];
const proofs = ["7", "300", "1200"].map((key) => [key, join(folder, `events-${key}.tlog-proof`)] as const);
const programs = join(folder, "bin");
await using server = await startEmbedded();
const env = {
  ...process.env,
  AUDIT_DATABASE_URL: server.url,
  AUDIT_SINKS: `file:${join(folder, "head.log")},tiles:${tiles}`,
  AUDIT_SIGNING_KEY_FILE: keyFile,
  AUDIT_VERIFIER_KEYS: vkeys,
  GOBIN: programs,
  // What go.sum holds is what is run.
  GOFLAGS: "-mod=readonly",
};

interface Ended {
  readonly status: number | null;
  readonly output: string;
}

function run(program: string, args: readonly string[], cwd = folder, more: NodeJS.ProcessEnv = {}): Ended {
  const all = { ...env, ...more };
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    env: all,
    encoding: "utf8",
    timeout: 300_000,
  });
  if (error !== undefined) throw error;
  return { status, output: `${stdout}${stderr}` };
}

function succeed(program: string, args: readonly string[], cwd?: string): string {
  const { status, output } = run(program, args, cwd);
  assert.equal(status, 0, `${program} ${args.join(" ")}: ${output}`);
  return output;
}

const CLI = ["--conditions=source", join(import.meta.dirname, "../apps/cli/src/cli.ts")];

const cli = (...args: string[]): string => succeed(process.execPath, [...CLI, ...args]);

const byGo = (): Ended => run(join(programs, "tlog"), [vkeys, tiles, ...proofs.map(([, path]) => path)]);

/** It exits with 0 on failure too, and hangs on some damage: only its line counts. */
function byFsck(): boolean {
  const args = [
    "20",
    join(programs, "fsck"),
    "--storage_url",
    `file://${tiles}/`,
    "--public_key",
    logKey,
    "--ui=false",
  ];
  return run("timeout", args).output.includes("Successfully fsck'd");
}

const psql = (statement: string): string =>
  succeed("psql", ["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--command", statement, server.url]);

try {
  succeed("go", ["install", "."], join(import.meta.dirname, "tlog"));
  succeed("go", ["install", FSCK]);
  succeed("go", ["install", LITEWITNESS]);
  mkdirSync(tiles);
  cli("init");
  psql("create table events (id int primary key, what text)");
  cli("attach", "events");
  writeFileSync(vkeys, cli("keygen", "--name", "example.org/tlog", "--out", keyFile));
  writeFileSync(logKey, readFileSync(vkeys, "utf8").split("\n")[0] ?? "");
  for (const [from, to] of [
    [1, 3],
    [4, 600],
    [601, 1_200],
  ] as const) {
    psql(`insert into events select k, 'event ' || k || ' ü' from generate_series(${from}, ${to}) k`);
    cli("publish", "--json");
  }
  for (const [key, path] of proofs) cli("prove", "--kind", "events", "--pk", key, "--out", path);

  const { status, output } = byGo();
  assert.equal(status, 0, output);
  assert.match(output, /^ok: 120\d leaves, 3 heads, 3 proofs$/mu);
  console.log(`sumdb, torchwood and formats: ${output.trim()}`);
  assert.ok(byFsck());
  console.log("Tessera's fsck: Successfully fsck'd");

  const [[, proof] = ["", ""]] = proofs;
  const inCheckpoint = readFileSync(join(tiles, "chain_head.log"), "utf8").indexOf("example.org/tlog\\n");
  assert.ok(inCheckpoint > 0);
  // fsck tries damage again until its time is over, so it is shown two kinds.
  for (const [path, at, isForFsck] of [
    [join(tiles, "tile/entries/001"), 100, true],
    [join(tiles, "tile/0/002"), 32 * 200, true],
    [join(tiles, "tile/1/000.p/4"), 5, false],
    [join(tiles, "checkpoint"), 20, false],
    [join(tiles, "chain_head.log"), inCheckpoint, false],
    [proof, 60, false],
    [proof, 600, false],
  ] as const) {
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.with(at, (bytes.at(at) ?? 0) ^ 1));
    assert.equal(byGo().status, 1, `${path} ${at}`);
    if (isForFsck) assert.ok(!byFsck(), `${path} ${at}`);
    writeFileSync(path, bytes);
  }
  assert.equal(byGo().status, 0);
  console.log("both notice single bits");

  const headLog = join(folder, "head.log");
  let rows = 1_200;
  await checkLitewitness({
    program: join(programs, "litewitness"),
    folder,
    origin: "example.org/tlog",
    logVkey: readFileSync(logKey, "utf8"),
    heads: () => readFileSync(headLog, "utf8").trimEnd().split("\n"),
    publish: ({ WITNESS, ...more }) => {
      psql(`insert into events select k, 'event' from generate_series(${rows + 1}, ${rows + 70}) k`);
      rows += 70;
      const sinks = WITNESS === undefined ? env.AUDIT_SINKS : `${env.AUDIT_SINKS},${WITNESS}`;
      const published = spawnSync(process.execPath, [...CLI, "publish", "--json"], {
        env: { ...env, ...more, AUDIT_SINKS: sinks },
        encoding: "utf8",
      });
      assert.equal(published.status, 0, published.stdout + published.stderr);
      return JSON.parse(published.stdout);
    },
    prove: (path) => void cli("prove", "--kind", "events", "--pk", "7", "--out", path),
    verify: (path, more) =>
      run(process.execPath, [...CLI, "verify-proof", path, "--kind", "events", "--pk", "7"], folder, more).status,
  });
  console.log("litewitness cosigns, and refuses a rollback, a bad proof and a changed signature");
} finally {
  rmSync(folder, { recursive: true, force: true });
}
