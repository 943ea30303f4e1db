/**
 * Runs the steps of action.yml as GitHub's runner would, against a real database and a restored dump of it: intact, and
 * tampered with. Steps that use other actions are left out; there is one, which installs Node.js.
 *
 * usage: node --conditions=source .ci/action.ts (after a build; needs psql and pg_dump)
 */
import { strict as assert } from "node:assert";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { startMajor } from "../acceptance/interop/servers.ts";
import { ROOT } from "./packages.ts";
import { serveRegistry } from "./pages/registry.ts";
import { packAll, readerEnvironment } from "./reader.ts";

interface Step {
  readonly name: string;
  readonly id?: string;
  readonly uses?: string;
  readonly shell?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly run?: string;
}
interface Action {
  readonly inputs: Readonly<Record<string, { readonly required?: boolean; readonly default?: string }>>;
  readonly outputs: Readonly<Record<string, { readonly value: string }>>;
  readonly runs: { readonly using: string; readonly steps: readonly Step[] };
}
interface Ended {
  readonly code: number;
  readonly log: string;
  readonly outputs: Readonly<Record<string, string>>;
}

const action = parse(readFileSync(join(ROOT, "action.yml"), "utf8")) as Action;
const folder = mkdtempSync(join(tmpdir(), "audit-action-"));
const temp = join(folder, "temp");
for (const name of ["temp", "home", "keys"]) mkdirSync(join(folder, name));

/** The text of an input or a step's variable, with its expressions in place. Any other expression is refused. */
function evaluate(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\$\{\{\s*([\w.-]+)\s*\}\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`action.yml has the expression ${name}, which is nothing`);
    return value;
  });
}

/** Runs the action's steps to the first that fails. */
async function runAction(given: Readonly<Record<string, string>>, env: NodeJS.ProcessEnv): Promise<Ended> {
  const values: Record<string, string> = { "github.action_path": ROOT, "runner.temp": temp };
  for (const [name, input] of Object.entries(action.inputs)) {
    const value = given[name] ?? input.default;
    if (value === undefined) throw new Error(`the input ${name} is required`);
    values[`inputs.${name}`] = value;
  }
  const outputs: Record<string, string> = {};
  let log = "";
  for (const step of action.runs.steps) {
    if (step.run === undefined) {
      assert.match(step.uses ?? "", /^actions\/setup-node@/);
      continue;
    }
    assert.equal(step.shell, "bash", `${step.name}: the shell`);
    assert(!step.run.includes("${{"), `${step.name}: an expression in a script lets inputs into it`);
    const files = { GITHUB_OUTPUT: join(folder, "output"), GITHUB_STEP_SUMMARY: join(folder, "summary") };
    for (const file of Object.values(files)) writeFileSync(file, "");
    const script = join(folder, "step.sh");
    writeFileSync(script, step.run);
    const own = Object.fromEntries(
      Object.entries(step.env ?? {}).map(([name, text]) => [name, evaluate(text, values)]),
    );
    const ended = await runScript(script, { ...env, ...files, ...own });
    log += ended.log;
    for (const line of readFileSync(files.GITHUB_OUTPUT, "utf8").split("\n").filter(Boolean)) {
      const at = line.indexOf("=");
      values[`steps.${step.id ?? ""}.outputs.${line.slice(0, at)}`] = line.slice(at + 1);
    }
    if (ended.code !== 0) return { ...ended, log, outputs: outputsOf() };
  }
  return { code: 0, log, outputs: outputsOf() };

  function outputsOf(): Record<string, string> {
    for (const [name, { value }] of Object.entries(action.outputs)) {
      const expression = /[\w.-]+(?=\s*\}\})/.exec(value)?.[0] ?? "";
      outputs[name] = values[expression] ?? "";
    }
    return outputs;
  }
}

/** Without blocking: the registry is served by this process. */
async function runScript(script: string, env: NodeJS.ProcessEnv): Promise<{ code: number; log: string }> {
  // As the runner starts bash.
  const child = spawn("bash", ["--noprofile", "--norc", "-eo", "pipefail", script], {
    cwd: folder,
    env,
    timeout: 300_000,
  });
  let log = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (log += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (log += text));
  const code = await new Promise<number | null>((resolve, reject) =>
    child.once("error", reject).once("close", resolve),
  );
  return { code: code ?? -1, log };
}

function succeed(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { env, encoding: "utf8" });
  assert.equal(status, 0, `${program} ${args.join(" ")}: ${error?.message ?? ""}${stdout}${stderr}`);
  return stdout;
}
const psql = (url: string, ...commands: string[]): string =>
  succeed("psql", ["--no-psqlrc", "-qtA", "--set=ON_ERROR_STOP=1", ...commands.flatMap((text) => ["-c", text]), url]);
const tamper = (url: string, amount: number): string =>
  psql(
    url,
    `begin; set local session_replication_role = replica; update orders set amount = ${amount} where id = 1; commit`,
  );

async function expectRun(what: string, code: number, status: string, run: Promise<Ended>): Promise<Ended> {
  const ended = await run;
  assert.deepEqual([ended.code, ended.outputs["status"]], [code, status], `${what}:\n${ended.log}`);
  console.log(`ok    ${what}: exit ${code}, status "${status}"`);
  return ended;
}

try {
  // pg_dump and psql of a system are seldom older than this.
  await using server = await startMajor(15);
  await using registry = await serveRegistry(packAll(join(folder, "tarballs")));
  const env = readerEnvironment(folder, join(folder, "home"), registry.url);
  psql(server.url, "create database app", "create database restored", "create database restored_later");
  const at = (name: string): string => server.url.replace(/\/postgres$/, `/${name}`);
  const keys = join(folder, "keys");
  const settings = {
    AUDIT_DATABASE_URL: at("app"),
    AUDIT_SINKS: `file:${keys}/chain_head.log`,
    AUDIT_SIGNING_KEY_FILE: `${keys}/log.key`,
    AUDIT_ORIGIN: "example.org/orders",
  };
  const cli = (...args: string[]): string =>
    succeed(process.execPath, ["--conditions=source", join(ROOT, "apps/cli/src/cli.ts"), ...args], {
      ...process.env,
      ...settings,
    });
  cli("init");
  psql(at("app"), "create table orders (id bigint primary key, amount numeric)");
  cli("attach", "orders");
  psql(at("app"), "insert into orders values (1, 40), (2, 120)");
  const vkeys = cli("keygen", "--name", settings.AUDIT_ORIGIN, "--out", `${keys}/log.key`);
  cli("publish");
  writeFileSync(`${keys}/policy.json`, cli("policy"));
  const inputs = {
    "database-url": at("app"),
    sinks: settings.AUDIT_SINKS,
    "verifier-keys": vkeys,
    origin: settings.AUDIT_ORIGIN,
    policy: `${keys}/policy.json`,
    state: `${keys}/verifier.state`,
  };
  await expectRun("a database", 0, "intact", runAction(inputs, env));

  const dump = (name: string, ...format: string[]): string => {
    const file = join(folder, name);
    succeed("pg_dump", [...format, `--file=${file}`, `--dbname=${at("app")}`]);
    return file;
  };
  writeFileSync(
    join(folder, "roles.sql"),
    succeed("pg_dumpall", ["--roles-only", "--no-role-passwords", `--dbname=${server.url}`]),
  );
  const roles = join(folder, "roles.sql");
  const good = dump("good.dump", "--format=custom");
  await expectRun(
    "a restored dump",
    0,
    "intact",
    runAction({ ...inputs, "database-url": at("restored"), dump: good, roles }, env),
  );

  tamper(at("app"), 4);
  const bad = await expectRun("an edited row", 1, "tampered", runAction(inputs, env));
  assert.match(bad.log, /"check":"source_edited"/);
  assert.match(bad.log, /^::error::/m);
  const later = { ...inputs, "database-url": at("restored_later"), dump: dump("bad.sql"), roles };
  await expectRun("a restored dump of it", 1, "tampered", runAction(later, env));

  await expectRun("no such database", 3, "", runAction({ ...inputs, "database-url": at("no_such_database") }, env));
  await expectRun("a text that is not a key", 2, "", runAction({ ...inputs, "verifier-keys": "none" }, env));
  const mark = join(folder, "injected");
  const hostile = `1.0.0"; touch ${mark}; echo "$(touch ${mark})`;
  await expectRun("a version that would be a command", 2, "", runAction({ ...inputs, version: hostile }, env));
  const state = `${keys}/$(touch ${mark})`;
  await runAction({ ...inputs, state, checks: `links\`touch ${mark}\`` }, env);
  assert.equal(spawnSync("test", ["-e", mark]).status, 1, "an input was run as a command");
  console.log("ok    inputs are never run");
} finally {
  rmSync(folder, { recursive: true, force: true });
}
