/**
 * Starts deploy/systemd as docs/operating.md says, by a systemd of its own: in namespaces of its own, on an overlay over this
 * machine's files, with nothing but these units. The database is reached through the network, as anywhere.
 */
import { strict as assert } from "node:assert";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { startEmbedded } from "../../packages/testkit/src/index.ts";
import { ROOT } from "../packages.ts";
import { DEPLOY } from "./files.ts";
import { type Ended, run, succeed } from "./succeed.ts";
import { until } from "./until.ts";

const ORIGIN = "units.example/audit";
const ACCOUNTS = ["audit-publisher", "audit-verifier", "audit-capture"];
const LOGINS = `
  create role publisher login password 'p' in role scidex_audit_publisher, scidex_audit_inspector;
  create role verifier login password 'p' in role scidex_audit_inspector;
  create role alert login password 'p' in role scidex_audit_alert;
  create role capture login replication password 'p' in role scidex_audit_capture`;

const CLI = ["--conditions=source", join(ROOT, "apps/cli/src/cli.ts")];

/** What the units are ordered after, without what starts a machine. */
const TARGETS = ["sysinit", "basic", "network-online", "timers", "multi-user"];

/** Its own root is no chroot: in one, no namespace of users can be made, as `PrivateUsers=` does. */
const BOOT = `set -eu
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
root=/mnt/root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work $root
mount -t proc proc $root/proc
mount --rbind /sys $root/sys
mount --rbind /dev $root/dev
for folder in run tmp var/tmp; do mount -t tmpfs tmpfs $root/$folder; done
cp -R "$1/system/." $root/etc/systemd/system
mkdir -p $root/opt/audit $root/srv/log $root/old
cp -R "$1/program/." $root/opt/audit
cp -L "$2" $root/usr/local/bin/node
ln -sf /opt/audit/node_modules/.bin/audit-publisher $root/usr/local/bin/audit-publisher
cp -R "$1/etc-audit" $root/etc/audit
cd $root
pivot_root . old
for account in ${ACCOUNTS.join(" ")}; do
  useradd --system --home-dir /var/lib/$account $account
  install -d -o $account -g $account /var/lib/$account
done
install -o audit-publisher -g audit-publisher -m 0600 /etc/audit/key /etc/audit/key.state /var/lib/audit-publisher
rm /etc/audit/key /etc/audit/key.state
chmod 0600 /etc/audit/*.env
# Nothing but these units.
rm -rf /usr/lib/systemd/system/*.wants /etc/systemd/system/*.wants
umount -l old
export container=other
exec /lib/systemd/systemd --system --log-target=console --unit=multi-user.target
`;

/** A systemd that runs. */
interface Booted extends AsyncDisposable {
  readonly inside: (program: string, ...args: string[]) => Promise<Ended>;
}

async function boot(folder: string): Promise<Booted> {
  const namespaces = ["--pid", "--mount", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child"];
  const args = [...namespaces, "/bin/sh", "-c", BOOT, "boot", folder, process.execPath];
  const child = spawn("unshare", args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const inside = async (program: string, ...rest: string[]): Promise<Ended> =>
    await run("nsenter", ["--target", init(child), "--mount", "--pid", "--uts", "--ipc", program, ...rest]);
  const isUp = async (): Promise<boolean> =>
    init(child) !== "" && (await inside("systemctl", "is-active", "multi-user.target")).code === 0;
  try {
    await until("systemd is up", isUp);
  } catch (error) {
    child.kill("SIGKILL");
    throw new Error(output, { cause: error });
  }
  return {
    inside,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await new Promise((done) => child.once("close", done));
    },
  };
}

/** The pid of systemd, as it is seen from here; nothing where there is none yet. */
function init({ pid }: ChildProcess): string {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
}

/**
 * @param program a folder in which the publisher is installed
 */
export async function checkUnits(folder: string, program: string): Promise<void> {
  await using server = await startEmbedded({ settings: { wal_level: "logical", max_slot_wal_keep_size: "1GB" } });
  const place = join(folder, "units");
  const system = join(place, "system");
  const etc = join(place, "etc-audit");
  cpSync(program, join(place, "program"), { recursive: true, verbatimSymlinks: true });
  cpSync(join(DEPLOY, "systemd"), system, { recursive: true });
  mkdirSync(etc);
  for (const target of TARGETS) writeFileSync(join(system, `${target}.target`), "[Unit]\nDefaultDependencies=no\n");
  mkdirSync(join(system, "service.d"));
  // There is no journal.
  const log = ["StandardOutput", "StandardError"].map((name) => `${name}=append:/srv/log/%N\n`).join("");
  writeFileSync(join(system, "service.d", "log.conf"), `[Service]\n${log}`);

  const urlOf = (login: string): string => {
    const url = new URL(server.url);
    [url.username, url.password] = [login, "p"];
    return url.href;
  };
  const settings: Record<string, string> = { ...process.env, AUDIT_DATABASE_URL: server.url, AUDIT_ORIGIN: ORIGIN };
  const cli = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)(process.execPath, [...CLI, ...args], { env: settings })).stdout;
  const psql = async (text: string): Promise<string> =>
    (await succeed("psql", ["--no-psqlrc", "-qtA", "--set=ON_ERROR_STOP=1", "-c", text, server.url])).trim();
  await cli("init");
  await psql("create table orders (id bigint primary key, amount numeric)");
  await psql("create table readings (id bigint primary key, value numeric)");
  await psql(LOGINS);
  await cli("attach", "orders");
  const keys = await cli("keygen", "--name", ORIGIN, "--out", join(etc, "key"));
  settings["AUDIT_VERIFIER_KEYS"] = keys.trim().split("\n").join(",");
  writeFileSync(join(etc, "policy.json"), await cli("policy"));
  const sinks = "AUDIT_SINKS=file:/var/lib/audit-publisher/chain_head.log";
  const files = {
    publisher: [urlOf("publisher"), sinks, "AUDIT_SIGNING_KEY_FILE=/var/lib/audit-publisher/key"],
    verifier: [
      urlOf("verifier"),
      sinks,
      `AUDIT_ALERT_DATABASE_URL=${urlOf("alert")}`,
      `AUDIT_VERIFIER_KEYS=${settings["AUDIT_VERIFIER_KEYS"]}`,
      `AUDIT_ORIGIN=${ORIGIN}`,
    ],
    capture: [urlOf("capture")],
  };
  for (const [name, [url, ...lines]] of Object.entries(files))
    writeFileSync(join(etc, `${name}.env`), [`AUDIT_DATABASE_URL=${url}`, ...lines, ""].join("\n"));

  await using systemd = await boot(place);
  const systemctl = async (...args: string[]): Promise<void> => {
    const { code, output } = await systemd.inside("systemctl", ...args);
    assert.equal(code, 0, `systemctl ${args.join(" ")}:\n${output}\n${await logs()}`);
  };
  const logs = async (): Promise<string> => (await systemd.inside("sh", "-c", "tail -n 8 /srv/log/audit-*")).output;
  await systemctl("enable", "--now", "audit-seal.service", "audit-capture.service");

  await cli("attach", "readings", "--mode", "stream");
  await psql("insert into orders values (1, 40); insert into readings values (1, 0.5)");
  const isLinked = async (): Promise<boolean> =>
    (await psql("select count(*) from audit_chain where event_kind in ('orders', 'readings')")) === "2";
  await until("rows are sealed and captured", isLinked).catch(async (error: unknown) => {
    throw new Error(await logs(), { cause: error });
  });
  await systemctl("start", "audit-publish.service");
  await systemctl("start", "audit-verify.service");
  await systemctl("start", "audit-verify-full.service");
  await psql("begin; set local session_replication_role = replica; update orders set amount = 4; commit");
  const tampered = await systemd.inside("systemctl", "start", "audit-verify-full.service");
  assert.notEqual(tampered.code, 0, "an edited row leaves the unit in order");
  const status = await systemd.inside("systemctl", "show", "--property=ExecMainStatus", "audit-verify-full.service");
  assert.equal(status.output, "ExecMainStatus=1\n", await logs());
  assert.match(await logs(), /"check":"source_edited"/u);
  assert.equal(await psql("select count(*) from senate_alerts where kind = 'audit_chain_break'"), "1");

  const timers = readdirSync(join(DEPLOY, "systemd")).filter((name) => name.endsWith(".timer"));
  await systemctl("enable", "--now", ...timers);
  for (const timer of timers) await systemctl("is-active", timer);
  const key = ["cat", "/var/lib/audit-publisher/key"];
  for (const account of ["audit-verifier", "audit-capture"])
    assert.notEqual((await systemd.inside("runuser", "-u", account, "--", ...key)).code, 0, `${account} reads the key`);
  assert.equal((await systemd.inside("runuser", "-u", "audit-publisher", "--", ...key)).code, 0);
  console.log(
    "ok    systemd runs the units: they seal, capture, publish and verify, and an edit fails the one that finds it",
  );
}
