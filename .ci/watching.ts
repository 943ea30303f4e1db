/**
 * Has programs of others watch a real run. promtool checks and tests the alert rules of deploy/prometheus; a Prometheus
 * scrapes `audit-publisher run`, knows all that the dashboard of deploy/grafana asks for, fires when the database is
 * tampered with, and tells an Alertmanager; which takes what `audit-verify` posts, too, from beginning to end.
 *
 * usage: node --conditions=source .ci/watching.ts (with psql, prometheus, promtool and prometheus-alertmanager in the PATH)
 */
import { strict as assert } from "node:assert";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import { freePort, startEmbedded } from "../packages/testkit/src/index.ts";
import { ROOT } from "./packages.ts";

const RULES = join(ROOT, "deploy/prometheus/audit-chain.rules.yml");
const folder = mkdtempSync(join(tmpdir(), "audit-watching-"));
const started: ChildProcess[] = [];

function start(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): void {
  const child = spawn(program, args, { env, cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output = (output + text).slice(-4_000)));
  child.once("exit", (code) => {
    if (started.includes(child)) console.log(`${program} ended with ${code}:\n${output}`);
  });
  started.push(child);
}

/** Waits until it is so; says what it waited for when it never is. */
async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 90_000;
  for (;;) {
    const found = await look().catch(() => undefined);
    if (found !== undefined) return found;
    assert(Date.now() < deadline, `never: ${what}`);
    await sleep(100);
  }
}

async function getJson<T>(url: string): Promise<T> {
  const response = await fetch(url);
  assert(response.ok, `${url}: ${response.status} ${await response.clone().text()}`);
  return (await response.json()) as T;
}

interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface Target {
  readonly expr: string;
}
interface Dashboard {
  readonly uid: string;
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets: readonly Target[];
  }[];
}

/** Grafana itself cannot be installed here: what it would ask Prometheus for is asked, and its panels must not overlap. */
async function checkDashboard(prometheus: string): Promise<number> {
  const text = readFileSync(join(ROOT, "deploy/grafana/audit-chain.json"), "utf8");
  const { panels } = JSON.parse(text) as Dashboard;
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  const taken = new Set<string>();
  for (const { gridPos, title } of panels) {
    assert(gridPos.x + gridPos.w <= 24, `${title} is too wide`);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        assert(!taken.has(`${x},${y}`), `${title} lies over another panel`);
        taken.add(`${x},${y}`);
      }
  }
  const asked = panels.flatMap(({ targets, title }) => targets.map(({ expr }) => ({ title, expr })));
  for (const { title, expr } of asked) {
    const plain = expr.replaceAll("$__rate_interval", "1m").replaceAll(/"\$(?:job|instance)"/g, '".*"');
    assert(!plain.includes("$"), `${title} uses a variable that there is not`);
    // What compares has nothing to show while all is well.
    const query = encodeURIComponent(plain.replace(/ > 0$/, ""));
    await until(`${title} has something to show: ${plain}`, async () => {
      const { data } = await getJson<{ data: { result: unknown[] } }>(`${prometheus}/api/v1/query?query=${query}`);
      return data.result.length > 0 ? true : undefined;
    });
  }
  return asked.length;
}

try {
  for (const args of [
    ["check", "rules", RULES],
    ["test", "rules", join(ROOT, ".ci/watching/rules.test.yml")],
  ])
    execFileSync("promtool", args, { stdio: ["ignore", "pipe", "inherit"] });
  // The paths in it are those of its container.
  const compose = readFileSync(join(ROOT, "deploy/compose/prometheus.yml"), "utf8");
  writeFileSync(join(folder, "compose.yml"), compose.replace("audit-chain.rules.yml", RULES));
  execFileSync("promtool", ["check", "config", join(folder, "compose.yml")], { stdio: ["ignore", "pipe", "inherit"] });
  console.log("ok    promtool checks and tests the rules");

  await using server = await startEmbedded();
  const cli = (...args: string[]): string =>
    execFileSync(process.execPath, ["--conditions=source", join(ROOT, "apps/cli/src/cli.ts"), ...args], {
      env: { ...process.env, AUDIT_DATABASE_URL: server.url },
      encoding: "utf8",
    });
  cli("init");
  const psql = (text: string): string =>
    execFileSync("psql", ["--no-psqlrc", "-qtA", "--set=ON_ERROR_STOP=1", "-c", text, server.url], {
      encoding: "utf8",
    });
  psql("create table orders (id bigint primary key, amount numeric)");
  cli("attach", "orders");
  psql("insert into orders values (1, 40)");
  const vkeys = cli("keygen", "--name", "example.org/orders", "--out", join(folder, "key"));

  const [endpoint, prometheusPort, alertmanagerPort] = [await freePort(), await freePort(), await freePort()];
  const prometheus = `http://127.0.0.1:${prometheusPort}`;
  const alertmanager = `http://127.0.0.1:${alertmanagerPort}`;
  const schedules = ["--publish-every", "1s", "--verify-every", "1s", "--since-head", "1s"];
  const publisher = ["run", "--json", ...schedules, "--listen", `127.0.0.1:${endpoint}`];
  start(process.execPath, ["--conditions=source", join(ROOT, "apps/publisher/src/cli.ts"), ...publisher], {
    ...process.env,
    AUDIT_DATABASE_URL: server.url,
    AUDIT_SIGNING_KEY_FILE: join(folder, "key"),
    AUDIT_SINKS: `file:${join(folder, "head.log")}`,
  });
  const config = {
    global: { scrape_interval: "1s", evaluation_interval: "1s" },
    rule_files: [RULES],
    alerting: { alertmanagers: [{ static_configs: [{ targets: [`127.0.0.1:${alertmanagerPort}`] }] }] },
    scrape_configs: [{ job_name: "audit-chain", static_configs: [{ targets: [`127.0.0.1:${endpoint}`] }] }],
  };
  writeFileSync(join(folder, "prometheus.yml"), stringify(config));
  writeFileSync(
    join(folder, "alertmanager.yml"),
    stringify({ route: { receiver: "none" }, receivers: [{ name: "none" }] }),
  );
  start("prometheus", [
    `--config.file=${join(folder, "prometheus.yml")}`,
    `--storage.tsdb.path=${join(folder, "tsdb")}`,
    `--web.listen-address=127.0.0.1:${prometheusPort}`,
  ]);
  start("prometheus-alertmanager", [
    `--config.file=${join(folder, "alertmanager.yml")}`,
    `--storage.path=${join(folder, "alertmanager")}`,
    `--web.listen-address=127.0.0.1:${alertmanagerPort}`,
    "--cluster.listen-address=",
  ]);

  await until("ready", async () => ((await fetch(`http://127.0.0.1:${endpoint}/readyz`)).ok ? true : undefined));
  console.log(`ok    Prometheus has an answer to ${await checkDashboard(prometheus)} questions of the dashboard`);
  const firing = async (): Promise<string[]> => {
    const { data } = await getJson<{ data: { alerts: Alert[] } }>(`${prometheus}/api/v1/alerts`);
    return data.alerts.map(({ labels }) => labels["alertname"] ?? "");
  };
  assert.deepEqual(await firing(), [], "all is well");

  const put = (hash: string): string =>
    psql(
      `begin; set local session_replication_role = replica; update public.audit_chain set payload_hash = '\\x${hash}' where seq = 1; commit`,
    );
  const hash = psql("select encode(payload_hash, 'hex') from public.audit_chain where seq = 1").trim();
  put("00".repeat(32));
  const told = await until("Alertmanager has heard of it", async () => {
    const alerts = await getJson<Alert[]>(`${alertmanager}/api/v2/alerts`);
    return alerts.find(({ labels }) => labels["alertname"] === "AuditChainTampered");
  });
  assert.match(told.annotations["runbook_url"] ?? "", /incident\.md/);
  console.log("ok    Prometheus fires when the database is tampered with, and Alertmanager hears of it");

  const verifier = (...args: string[]): number | null =>
    spawnSync(process.execPath, ["--conditions=source", join(ROOT, "packages/verifier/src/cli.ts"), ...args], {
      env: {
        ...process.env,
        AUDIT_DATABASE_URL: server.url,
        AUDIT_SINKS: `file:${join(folder, "head.log")}`,
        AUDIT_VERIFIER_KEYS: vkeys,
      },
    }).status;
  const memory = ["--alert-state", join(folder, "alerts")];
  const alerting = [...memory, "--alert-format", "alertmanager", "--alert-webhook", `${alertmanager}/api/v2/alerts`];
  const posted = async (): Promise<Alert[]> =>
    (await getJson<Alert[]>(`${alertmanager}/api/v2/alerts?active=true`)).filter(
      ({ labels }) => labels["alertname"] === "AuditChainFinding",
    );
  assert.equal(verifier(...alerting), 1);
  const begun = await until("Alertmanager takes what audit-verify posts", async () => {
    const alerts = await posted();
    return alerts.length > 0 ? alerts : undefined;
  });
  assert(begun.some(({ labels }) => labels["check"] === "event_hash"));
  put(hash);
  assert.equal(verifier(...alerting), 0, "it has been put back");
  assert.equal((await posted()).length, begun.length, "and is no less an alert for that");
  assert.equal(verifier("alerts", ...memory, "--all", "--reason", "INC-7"), 0);
  assert.equal(verifier(...alerting), 0);
  await until("Alertmanager hears that it is over", async () => ((await posted()).length === 0 ? true : undefined));
  console.log("ok    Alertmanager takes alerts of audit-verify as they are, and that they are over");
} finally {
  for (const child of started.splice(0)) child.kill("SIGTERM");
  await sleep(500);
  rmSync(folder, { recursive: true, force: true });
}
