/**
 * Tries what deploy/ has, as far as it can be tried here: the image is built and run against a real database, as its user,
 * read-only and with a key that it cannot write; the units pass `systemd-analyze verify`; the CronJobs fit Kubernetes'
 * schemas; and every command line in these files has options that the publisher knows.
 *
 * usage: node --conditions=source .ci/deploy.ts (after a build; as root, with a Docker engine and systemd-analyze)
 */
import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CronJob } from "kubernetes-models/batch/v1/CronJob";
import { PersistentVolumeClaim } from "kubernetes-models/v1/PersistentVolumeClaim";
import { parseAllDocuments } from "yaml";
import { startEmbedded } from "../packages/testkit/src/index.ts";
import { ROOT } from "./packages.ts";
import { serveRegistry } from "./pages/registry.ts";
import { packAll, readerEnvironment } from "./reader.ts";

/** The user of the image. */
const USER = 65_532;
const DEPLOY = join(ROOT, "deploy");
const folder = mkdtempSync(join(tmpdir(), "audit-deploy-"));
chmodSync(folder, 0o755);

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Without blocking: the registry is served by this process. */
async function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Ended> {
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"], timeout: 300_000 });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  const code = await new Promise<number | null>((resolve, reject) =>
    child.once("error", reject).once("close", resolve),
  );
  return { code, output };
}

async function succeed(program: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<string> {
  const { code, output } = await run(program, args, env);
  assert.equal(code, 0, `${program} ${args.join(" ")}:\n${output}`);
  return output;
}

async function checkUnits(): Promise<string[]> {
  const units = join(folder, "units");
  mkdirSync(units);
  const names = readdirSync(join(DEPLOY, "systemd"));
  const commands: string[] = [];
  for (const name of names) {
    const text = readFileSync(join(DEPLOY, "systemd", name), "utf8");
    commands.push(...[...text.matchAll(/^ExecStart=\S*\/(audit-publisher .*)$/gm)].map((match) => match[1] ?? ""));
    // Only the program's path is another one: it is not installed here.
    writeFileSync(join(units, name), text.replaceAll("/usr/local/bin/audit-publisher", "/bin/true"));
  }
  const output = await succeed("systemd-analyze", ["verify", "--man=no", ...names.map((name) => join(units, name))]);
  assert.equal(output.trim(), "", "systemd-analyze has something to say");
  console.log(`ok    systemd-analyze verify: ${names.length} units`);
  return commands;
}

function checkCronJobs(): string[] {
  const documents = parseAllDocuments(readFileSync(join(DEPLOY, "kubernetes/cronjobs.yaml"), "utf8"));
  const commands: string[] = [];
  for (const document of documents) {
    if (document.get("kind") === "PersistentVolumeClaim") {
      new PersistentVolumeClaim(document.toJS() as ConstructorParameters<typeof PersistentVolumeClaim>[0]).validate();
      continue;
    }
    assert.equal(document.get("kind"), "CronJob");
    const job = new CronJob(document.toJS() as ConstructorParameters<typeof CronJob>[0]);
    job.validate();
    const pod = job.spec?.jobTemplate.spec?.template.spec;
    assert.equal(pod?.securityContext?.runAsUser, USER);
    commands.push(...(pod?.containers ?? []).map(({ args = [] }) => `audit-publisher ${args.join(" ")}`));
  }
  console.log(`ok    ${documents.length} Kubernetes objects`);
  return commands;
}

function checkCrontab(): string[] {
  const lines = readFileSync(join(DEPLOY, "crontab"), "utf8").split("\n");
  const jobs = lines.filter((line) => /^[\d*]/.test(line));
  for (const job of jobs) assert.match(job, /^(?:(?:\*|\d+)\s+){5}audit\s+\. \/etc\/audit\/publisher\.env; /);
  console.log(`ok    ${jobs.length} lines of the crontab`);
  return jobs.map((job) => /audit-publisher [^>]*/.exec(job)?.[0].trim() ?? "");
}

async function checkOptions(commands: readonly string[]): Promise<void> {
  for (const command of new Set(commands)) {
    const [, name = "", ...words] = command.split(/\s+/);
    const cli = ["--conditions=source", join(ROOT, "apps/publisher/src/cli.ts"), name, "--help"];
    const help = await succeed(process.execPath, cli);
    for (const option of words.filter((word) => word.startsWith("--")))
      assert(new RegExp(`^\\s+${option}\\b`, "m").test(help), `${command}: there is no option ${option}`);
  }
  console.log(`ok    options of ${new Set(commands).size} command lines`);
}

/** A base image without pulling one: Node.js as npm installs it, a shell, git, and the libraries that these need. */
async function makeBase(image: string): Promise<void> {
  const context = join(folder, "base");
  const root = join(context, "rootfs");
  for (const path of ["bin", "usr/bin", "tmp", "var/lib/audit"]) mkdirSync(join(root, path), { recursive: true });
  await succeed("cp", ["-L", process.execPath, join(root, "usr/bin/node")]);
  await succeed("cp", ["-L", "/bin/sh", join(root, "bin/sh")]);
  for (const name of ["env", "git"]) await succeed("cp", ["-L", `/usr/bin/${name}`, join(root, "usr/bin")]);
  const programs = ["usr/bin/node", "bin/sh", "usr/bin/env", "usr/bin/git"].map((name) => join(root, name));
  const libraries = (await succeed("ldd", programs)).matchAll(/(?:=>|^)\s+(\/\S+) \(/gm);
  for (const file of new Set([...libraries].map((match) => match[1] ?? "")))
    await succeed("cp", ["-L", "--parents", file, root]);
  writeFileSync(join(context, "Dockerfile"), "FROM scratch\nCOPY rootfs/ /\nENV PATH=/usr/bin:/bin\n");
  await succeed("docker", ["build", "--quiet", "--tag", image, context]);
}

async function checkImage(): Promise<void> {
  await using registry = await serveRegistry(packAll(join(folder, "tarballs")));
  mkdirSync(join(folder, "home"));
  const docker = Object.entries(process.env).filter(([name]) => name.startsWith("DOCKER_"));
  const env = { ...readerEnvironment(folder, join(folder, "home"), registry.url), ...Object.fromEntries(docker) };
  const image = "audit-publisher:ci";
  await makeBase("audit-publisher-base:ci");
  await succeed(join(DEPLOY, "build-image"), [image], { ...env, BASE: "audit-publisher-base:ci" });
  console.log("ok    the image is built");

  await using server = await startEmbedded();
  const volume = join(folder, "volume");
  mkdirSync(volume);
  const key = join(folder, "key");
  const cli = async (...args: string[]): Promise<string> =>
    await succeed(process.execPath, ["--conditions=source", join(ROOT, "apps/cli/src/cli.ts"), ...args], {
      ...process.env,
      AUDIT_DATABASE_URL: server.url,
    });
  const psql = async (text: string): Promise<string> =>
    await succeed("psql", ["--no-psqlrc", "-qtA", "--set=ON_ERROR_STOP=1", "-c", text, server.url]);
  await cli("init");
  await psql("create table orders (id bigint primary key, amount numeric)");
  await cli("attach", "orders");
  await psql("insert into orders values (1, 40)");
  await cli("keygen", "--name", "example.org/orders", "--out", join(volume, "key"));
  // The key is mounted over its place in the volume, for reading only.
  await succeed("mv", [join(volume, "key"), key]);
  writeFileSync(join(volume, "key"), "");
  chmodSync(key, 0o400);
  for (const file of [key, volume, join(volume, "key"), join(volume, "key.state")]) chownSync(file, USER, USER);

  const container = async (...args: string[]): Promise<Ended> => {
    const options = ["--rm", "--network=host", "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL"];
    const settings = {
      AUDIT_DATABASE_URL: server.url,
      AUDIT_SINKS: "file:/var/lib/audit/chain_head.log",
      AUDIT_SIGNING_KEY_FILE: "/var/lib/audit/key",
    };
    const variables = Object.entries(settings).map(([name, value]) => `--env=${name}=${value}`);
    const mounts = [`--volume=${volume}:/var/lib/audit`, `--volume=${key}:/var/lib/audit/key:ro`];
    const security = "--security-opt=no-new-privileges";
    return await run("docker", ["run", ...options, security, ...variables, ...mounts, image, ...args]);
  };
  const published = await container("publish", "--json");
  assert.equal(published.code, 0, published.output);
  assert.equal(statSync(join(volume, "chain_head.log")).uid, USER);
  const verified = await container("verify", "--json");
  assert.equal(verified.code, 0, verified.output);
  await psql("begin; set local session_replication_role = replica; update orders set amount = 4; commit");
  const tampered = await container("verify", "--json");
  assert.equal(tampered.code, 1, tampered.output);
  assert.match(tampered.output, /"check":"source_edited"/);
  assert.equal(await psql("select count(*) from senate_alerts where kind = 'audit_chain_break'"), "1\n");
  const refused = await container("publish", "--json");
  assert.equal(refused.code, 0, "publishing checks the chain, not the rows");
  console.log("ok    the image publishes, verifies and alerts as user 65532, read-only");
}

try {
  const commands = [...(await checkUnits()), ...checkCronJobs(), ...checkCrontab()];
  await checkOptions(commands);
  await checkImage();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
