import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type ChainDatabase, chainDatabase } from "../chain-database.ts";
import { type Ended, jsonOf, runCli } from "../run-cli.ts";
import { SshAgent } from "./ssh-agent.ts";

const LOG = "example.org/log";
const PUBLISHER = fileURLToPath(new URL("../../../publisher/src/cli.ts", import.meta.url));
const VERIFIER = fileURLToPath(new URL("../../../../packages/verifier/src/cli.ts", import.meta.url));

let db: ChainDatabase;
let agent: SshAgent;
let folder: string;
let keys: string;

/** What a command has printed that must end well. */
async function ok(run: Promise<Ended>): Promise<string> {
  const { code, stdout, stderr } = await run;
  if (code !== 0) throw new Error(`exit ${code}: ${stderr}`);
  return stdout;
}

beforeAll(async () => {
  [db, agent] = await Promise.all([chainDatabase(), new SshAgent().start()]);
  await db.sql`create table orders (id bigint primary key)`;
  await ok(db.run(["attach", "orders", "--mode", "strict", "--changes", "refuse"]));
  agent.add(LOG, "log");
  agent.add(`${LOG}/timestamp`, "timestamp");
});
afterAll(async () => {
  await db.drop();
  await agent.close();
});

const env = (): Record<string, string> => ({
  AUDIT_SIGNING_KEY: `agent:${LOG}`,
  AUDIT_STATE_DIR: join(folder, "state"),
  AUDIT_SINKS: `file:${join(folder, "a.log")},file:${join(folder, "b.log")}`,
  SSH_AUTH_SOCK: agent.socket,
});
const run = async (args: readonly string[], other: Record<string, string> = {}): Promise<Ended> =>
  await db.run(args, { env: { ...env(), ...other } });
const publish = async (other: Record<string, string> = {}): Promise<Ended> => await run(["publish", "--json"], other);
const lines = (): number => readFileSync(join(folder, "a.log"), "utf8").split("\n").length - 1;
let next = 1;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "audit-cli-agent-"));
  mkdirSync(join(folder, "state"));
  keys = await ok(runCli(["keygen", "--name", LOG, "--agent"], { env: env() }));
  await db.sql`insert into orders values (${next++})`;
  await ok(publish());
  return () => rmSync(folder, { recursive: true });
});

/** What an auditor says who has the two keys. */
const verify = async (): Promise<Ended> =>
  await db.run(["verify", "--json"], { env: { AUDIT_VERIFIER_KEYS: keys, AUDIT_SINKS: env()["AUDIT_SINKS"] ?? "" } });

describe("keys in an ssh-agent", () => {
  it("sign what anybody can verify, and lie in no file", async () => {
    expect(keys.split("\n").map((line) => line.split("+")[0])).toEqual([LOG, `${LOG}/timestamp`, ""]);
    expect(jsonOf(await verify())).toMatchObject({ status: "intact" });
    for (const file of readdirSync(join(folder, "state")))
      expect(readFileSync(join(folder, "state", file), "utf8")).not.toContain("PRIVATE");
    await db.sql`insert into orders values (${next++})`;
    const { SSH_AUTH_SOCK: _, ...without } = env();
    const named = { ...without, AUDIT_SIGNING_KEY: `agent:${agent.socket}#${LOG}` };
    expect(await db.run(["publish", "--json"], { env: named })).toMatchObject({ code: 0 });
    expect([lines(), jsonOf(await verify())]).toEqual([2, expect.objectContaining({ status: "intact" })]);
  });

  it("that are not there sign nothing, and what is said says what to do", async () => {
    const refused = async (words: string, other: Record<string, string> = {}): Promise<void> => {
      const { code, stderr } = await publish(other);
      expect([code, stderr]).toEqual([3, expect.stringContaining(words)]);
      expect(lines()).toBe(1);
    };
    agent.lock(true);
    await refused("it is locked (ssh-add -X unlocks it), or was started anew (ssh-add KEY)");
    agent.lock(false);
    agent.remove("timestamp");
    await refused(`has not the key of ${LOG}/timestamp (${agent.fingerprint("timestamp")}): add it (ssh-add KEY)`);
    await refused("no ssh-agent answers at", { SSH_AUTH_SOCK: join(folder, "none") });
    await agent.stop();
    await refused("OpenSSH's answers its own only. Start it and add the keys");
    await agent.start();
    await refused("started anew");
    agent.add(LOG, "log-2");
    await refused(`has not the key of ${LOG} (`);
    expect(jsonOf(await verify())).toMatchObject({ status: "intact" });
  });
});

describe("a new agent", () => {
  beforeAll(async () => {
    await agent.close();
    agent = await new SshAgent().start();
    agent.add(LOG, "log");
    agent.add(`${LOG}/timestamp`, "timestamp");
  });

  it("gives its keys the place of others, and those sign with them once more", async () => {
    const file = join(folder, "state", `${encodeURIComponent(LOG)}.agent`);
    const rotated = async (): Promise<Ended> =>
      await db.run(["rotate-key", "--json"], { env: env(), program: PUBLISHER });
    const first = readFileSync(file, "utf8");
    const refused = await rotated();
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("no new ones are written into a file")]);
    agent.add("new", "new-log");
    agent.add("new", "new-timestamp");
    const both = `${agent.fingerprint("new-log")},${agent.fingerprint("new-timestamp")}`;
    const named = await runCli(["keygen", "--name", LOG, "--agent", both, "--next", file], { env: env() });
    expect(named.code).toBe(0);
    expect(await rotated()).toMatchObject({ code: 0 });
    await db.sql`insert into orders values (${next++})`;
    expect(await publish()).toMatchObject({ code: 0 });
    keys += named.stdout;
    expect(jsonOf(await verify())).toMatchObject({ status: "intact" });
    // Neither those that sign now, nor those that have been replaced: an old one signs nothing any more.
    for (const known of [both, `${agent.fingerprint("log")},${agent.fingerprint("timestamp")}`]) {
      const again = await runCli(["keygen", "--name", LOG, "--agent", known, "--next", file], { env: env() });
      expect([again.code, again.stderr]).toEqual([2, expect.stringContaining("has or had")]);
    }
    writeFileSync(`${file}.next`, first, { mode: 0o600 });
    expect(await rotated()).toMatchObject({ code: 2, stderr: expect.stringContaining("has or had") });
    rmSync(`${file}.next`);
    expect([await publish(), jsonOf(await verify())]).toMatchObject([{ code: 0 }, { status: "intact" }]);
    agent.remove("new-log");
    agent.remove("new-timestamp");
  });

  it("signs an erasure and a night", async () => {
    agent.add("privacy.example.org", "privacy");
    const erasure = join(folder, "erasure.key");
    const made = await runCli(["keygen", "--erasure", "--name", "privacy.example.org", "--agent", "--out", erasure], {
      env: env(),
    });
    expect([made.code, readFileSync(erasure, "utf8")]).toEqual([0, `AGENT+KEY+${made.stdout}`]);
    const id = String(next - 1);
    const erase = async (): Promise<Ended> =>
      await run(["erase", "orders", id, "--reason", "asked", "--sign", erasure, "--json"], { AUDIT_ORIGIN: LOG });
    agent.lock(true);
    expect(await erase()).toMatchObject({ code: 3, stderr: expect.stringContaining("it is locked") });
    expect(await db.sql`select 1 from orders where id = ${id}`).toHaveLength(1);
    agent.lock(false);
    const erased = await erase();
    expect(jsonOf(erased)).toMatchObject({ kind: "orders", pk: id, key: made.stdout.trim() });
    expect(await publish()).toMatchObject({ code: 0 });
    expect(readFileSync(join(folder, "a.log"), "utf8")).toContain("privacy.example.org");
    // A verifier's own keys may be any two.
    const night = join(folder, "night.key");
    const both = `${agent.fingerprint("log")},${agent.fingerprint("timestamp")}`;
    await runCli(["keygen", "--name", "nights.example.org", "--agent", both, "--out", night], { env: env() });
    const nights = ["--sign", night, "--nights", `file:${join(folder, "nights.log")}`];
    const { AUDIT_SIGNING_KEY: _, ...verifier } = env();
    const verified = await db.run(["--json", ...nights], {
      env: { ...verifier, AUDIT_VERIFIER_KEYS: keys },
      program: VERIFIER,
    });
    expect(verified).toMatchObject({ code: 1, stderr: "" });
    expect(readFileSync(join(folder, "nights.log"), "utf8")).toContain("— nights.example.org/timestamp ");
  });

  it("is said to be none where something else answers, and where a key is meant that it has not", async () => {
    const socket = join(folder, "other.sock");
    const server = createServer((connection) => connection.end(Buffer.from("\0\0\0\u0001\u000chello", "latin1")));
    server.listen(socket);
    const { code, stderr } = await publish({ SSH_AUTH_SOCK: socket });
    server.close();
    expect([code, stderr]).toEqual([3, expect.stringMatching(/no ssh-agent with Ed25519 keys|shorter than it says/u)]);
    for (const [args, words] of [
      [["--agent", "nobody,else"], 'no Ed25519 key "nobody"'],
      [["--agent", "log"], "two keys, KEY,KEY"],
      [["--agent", `${LOG},${LOG}`], "must not be the same"],
      [["--agent", "--post-quantum"], "no ML-DSA-44 keys"],
    ] as const) {
      const ended = await runCli(["keygen", "--name", LOG, "--out", join(folder, "k"), ...args], { env: env() });
      expect([ended.code, ended.stderr]).toEqual([2, expect.stringContaining(words)]);
    }
    for (const [other, words] of [
      [{ AUDIT_SIGNING_KEY_FILE: "x" }, "are both set"],
      [{ AUDIT_STATE_DIR: "" }, "AUDIT_STATE_DIR is not set"],
      [{ AUDIT_SIGNING_KEY: "PRIVATE+KEY+x" }, "is none that can be read"],
      [{ AUDIT_SIGNING_KEY: "agent:none" }, "audit-chain keygen --name ORIGIN --agent\n"],
    ] as const) {
      const ended = await publish(other);
      expect([ended.code, ended.stderr]).toEqual([2, expect.stringContaining(words)]);
      expect(ended.stderr).not.toContain("PRIVATE");
    }
  });

  it("ends its log and begins another, and says so where it cannot", async () => {
    const begin = async (): Promise<Ended> =>
      await db.run(["begin", "--reason", "the chain was rebuilt", "--json"], { env: env(), program: PUBLISHER });
    agent.lock(true);
    const refused = await begin();
    expect([refused.code, refused.stderr]).toEqual([3, expect.stringContaining("it is locked")]);
    agent.lock(false);
    const begun = await begin();
    expect([begun.code, begun.stderr]).toEqual([0, ""]);
    expect(readFileSync(join(folder, "a.log"), "utf8")).toContain("the chain was rebuilt");
  });
});
