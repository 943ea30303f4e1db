/**
 * Tries what deploy/ has, as far as it can be tried here: the image is built and run against a real database, as its user,
 * read-only and with a key that it cannot write; PostgreSQL, publisher and verifier of the compose file are started; the units
 * pass `systemd-analyze verify` and `security`, and are started by systemd; the objects fit Kubernetes' schemas; and every command line in these files has
 * options that the publisher knows.
 *
 * usage: node --conditions=source .ci/deploy.ts (after a build; as root, with a Docker engine, docker-compose and systemd-analyze)
 */
import { strict as assert } from "node:assert";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startEmbedded } from "../packages/testkit/src/index.ts";
import { checkUnits } from "./deploy/units.ts";
import { checkComposeUp } from "./deploy/compose.ts";
import { DEPLOY, checkFiles, USER } from "./deploy/files.ts";
import { ROOT } from "./packages.ts";
import { serveRegistry } from "./pages/registry.ts";
import { packAll, readerEnvironment } from "./reader.ts";
import { type Ended, run, succeed } from "./deploy/succeed.ts";

const folder = mkdtempSync(join(tmpdir(), "audit-deploy-"));
chmodSync(folder, 0o755);

/** A base image without pulling one: Node.js as npm installs it, a shell, git, and the libraries that these need. */
async function makeBase(image: string): Promise<void> {
  const context = join(folder, "base");
  const root = join(context, "rootfs");
  for (const path of ["bin", "usr/bin", "tmp", "var/lib/audit"]) mkdirSync(join(root, path), { recursive: true });
  await succeed("cp", ["-L", process.execPath, join(root, "usr/bin/node")]);
  await succeed("cp", ["-L", "/bin/sh", join(root, "bin/sh")]);
  for (const name of ["env", "git", "sleep"]) await succeed("cp", ["-L", `/usr/bin/${name}`, join(root, "usr/bin")]);
  const programs = ["usr/bin/node", "bin/sh", "usr/bin/env", "usr/bin/git", "usr/bin/sleep"].map((name) =>
    join(root, name),
  );
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
  const program = join(folder, "program");
  mkdirSync(program);
  await succeed("npm", ["install", "--no-audit", "--no-fund", "--prefix", program, "@scidex/audit-publisher"], env);
  await checkUnits(folder, program);
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
  await checkDaemon(container);
  const refused = await container("publish", "--json");
  assert.equal(refused.code, 0, "publishing checks the chain, not the rows");
  console.log("ok    the image publishes, verifies and alerts as user 65532, read-only");
  await checkComposeUp(folder, image);
}

/** The command that the image has: its endpoint is asked as a probe would ask it. */
async function checkDaemon(container: (...args: string[]) => Promise<Ended>): Promise<void> {
  const address = "127.0.0.1:9767";
  const running = container("run", "--json", "--listen", address);
  const deadline = Date.now() + 60_000;
  for (;;) {
    const ready = await fetch(`http://${address}/readyz`).catch(() => undefined);
    if (ready?.ok === true) break;
    assert(Date.now() < deadline, "the daemon is never ready");
    await sleep(200);
  }
  const [id = ""] = (await succeed("docker", ["ps", "--quiet", "--filter", "ancestor=audit-publisher:ci"])).split("\n");
  await succeed("docker", ["stop", id]);
  const { code, output } = await running;
  assert.equal(code, 0, output);
  console.log("ok    the image runs as a daemon, is ready, and ends when it is stopped");
}

try {
  await checkFiles(folder);
  await checkImage();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
