/** Starts deploy/compose as docs/operating.md says, but for Grafana, whose program no registry at hand has. */
import { strict as assert } from "node:assert";
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "../../packages/testkit/src/index.ts";
import { ROOT } from "../packages.ts";
import { DEPLOY } from "./files.ts";
import { run, succeed } from "./succeed.ts";
import { until } from "./until.ts";

const ORIGIN = "app.example/audit";

const LOGINS = `
  create role audit_publisher login password 'p' in role scidex_audit_publisher, scidex_audit_inspector;
  create role audit_verifier login password 'p' in role scidex_audit_inspector;
  create role audit_alert login password 'p' in role scidex_audit_alert`;

/**
 * PostgreSQL, publisher and verifier, each in its container: the publisher becomes healthy, the verifier finds everything intact,
 * and after an edit past the triggers says so and alerts.
 *
 * @param image the publisher's image
 */
export async function checkComposeUp(folder: string, image: string): Promise<void> {
  // A stand-in for the official image, which cannot be pulled.
  await succeed(join(ROOT, ".ci/postgres-image/build"), ["docker.io/library/postgres:17"]);
  await succeed("docker", ["tag", image, "audit-publisher:0.1.0"]);
  const place = join(folder, "compose");
  cpSync(join(DEPLOY, "compose"), place, { recursive: true });
  cpSync(join(DEPLOY, "prometheus"), join(folder, "prometheus"), { recursive: true });
  mkdirSync(join(place, "keys"));
  const port = await freePort();
  const url = `postgres://postgres:secret@127.0.0.1:${port}/app`;
  const settings = {
    POSTGRES_PASSWORD: "secret",
    POSTGRES_PORT: String(port),
    PUBLISHER_DATABASE_URL: "postgres://audit_publisher:p@postgres:5432/app",
    VERIFIER_DATABASE_URL: "postgres://audit_verifier:p@postgres:5432/app",
    ALERT_DATABASE_URL: "postgres://audit_alert:p@postgres:5432/app",
    AUDIT_VERIFIER_KEYS: "",
  };
  const compose = async (...args: string[]) => {
    writeFileSync(
      join(place, ".env"),
      Object.entries(settings)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(""),
    );
    const file = [
      "--file",
      join(place, "compose.yaml"),
      "--project-name",
      "audit-ci",
      "--env-file",
      join(place, ".env"),
    ];
    return await run("docker-compose", [...file, ...args]);
  };
  const composed = async (...args: string[]): Promise<string> => {
    const { code, output } = await compose(...args);
    assert.equal(code, 0, `docker-compose ${args.join(" ")}:\n${output}`);
    return output;
  };
  const cli = async (...args: string[]): Promise<string> => {
    const env = {
      ...process.env,
      AUDIT_DATABASE_URL: url,
      AUDIT_ORIGIN: ORIGIN,
      AUDIT_VERIFIER_KEYS: settings.AUDIT_VERIFIER_KEYS,
    };
    const program = ["--conditions=source", join(ROOT, "apps/cli/src/cli.ts")];
    // What it says on stderr does not belong into a policy.
    return (await promisify(execFile)(process.execPath, [...program, ...args], { env })).stdout;
  };
  const psql = async (text: string): Promise<string> =>
    await succeed("psql", ["--no-psqlrc", "-qtA", "--set=ON_ERROR_STOP=1", "-c", text, url]);
  try {
    await composed("up", "--detach", "postgres");
    await until("PostgreSQL answers", async () => (await run("pg_isready", ["--dbname", url])).code === 0);
    await cli("init");
    await psql("create table orders (id bigint primary key, amount numeric)");
    await cli("attach", "orders");
    await psql(`insert into orders values (1, 40); ${LOGINS}`);
    const keys = await cli("keygen", "--name", ORIGIN, "--out", join(place, "keys/key"));
    settings.AUDIT_VERIFIER_KEYS = keys.trim().split("\n").join(",");
    writeFileSync(join(place, "policy.json"), await cli("policy"));
    await composed("up", "--detach", "publisher", "verifier");
    const said = async (status: string): Promise<boolean> =>
      (await composed("logs", "--no-color", "verifier")).includes(`"status":"${status}"`);
    const isHealthy = async (): Promise<boolean> =>
      /\(healthy\)/.test((await run("docker", ["ps", "--filter", "name=audit-ci_publisher"])).output);
    await until("the publisher is healthy", isHealthy);
    await composed("restart", "verifier");
    await until("the verifier finds everything intact", async () => await said("intact"));
    await psql("begin; set local session_replication_role = replica; update orders set amount = 4; commit");
    await composed("restart", "verifier");
    await until("the verifier finds the edit", async () => await said("tampered"));
    const alert = "select count(*) from senate_alerts where kind = 'audit_chain_break'";
    await until("it has alerted", async () => (await psql(alert)) === "1\n");
  } catch (error) {
    console.log((await compose("logs", "--no-color")).output);
    throw error;
  } finally {
    await compose("down", "--volumes", "--timeout", "5");
  }
  console.log("ok    PostgreSQL, publisher and verifier of the compose file: an edit is found and alerted");
}
