/**
 * The mistakes that newcomers make, each made with real commands on a real database. The message must say what is wrong
 * and what to do: the test does what it says where it can, and sees that it helps.
 */
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDatabase, createLogin } from "@scidex/audit-testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ChainDatabase, chainDatabase } from "./chain-database.ts";
import type { Ended } from "./run-cli.ts";

let db: ChainDatabase;
let folder: string;
let env: Record<string, string>;

beforeEach(async () => {
  db = await chainDatabase();
  folder = await mkdtemp(join(tmpdir(), "audit-mistakes-"));
  await db.sql`create table orders (id bigint primary key, amount numeric)`;
  env = {
    AUDIT_SIGNING_KEY_FILE: join(folder, "log.key"),
    AUDIT_SINKS: `file:${folder}/chain_head.log`,
    AUDIT_VERIFIER_KEYS: join(folder, "keys.txt"),
  };
});
afterEach(async () => {
  await db.drop();
  await rm(folder, { recursive: true });
});

const run = (args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<Ended> =>
  db.run(args, { env: { ...env, ...more } });

/** Everything done right, to the first published head. */
async function setUp(): Promise<void> {
  await done(["attach", "orders"]);
  await db.sql`insert into orders values (1, 40)`;
  await makeKeys();
  await done(["publish"]);
}

async function makeKeys(): Promise<void> {
  const { stdout } = await done(["keygen", "--name", "example.org/orders", "--out", join(folder, "log.key")]);
  await writeFile(join(folder, "keys.txt"), stdout);
}

async function done(args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const ended = await run(args, more);
  expect(ended.code, ended.stdout + ended.stderr).toBe(0);
  return ended;
}

/** What a command said, on either stream, having ended with this code. */
async function said(
  code: number,
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { stdout, stderr, ...ended } = await run(args, more);
  if (process.env["SHOW_MESSAGES"]) console.log(`${args.join(" ")}\n${stdout}${stderr}`);
  expect(ended.code, stdout + stderr).toBe(code);
  expect(stdout + stderr).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m);
  return stdout + stderr;
}

/** Shifts the clock of a command, as that of a machine whose clock is wrong. */
function clock(days: number): Record<string, string> {
  const shift = `const now = Date.now, by = ${days * 86_400_000}; Date.now = () => now() + by;
    const D = Date; globalThis.Date = class extends D { constructor(...a) { a.length === 0 ? super(now() + by) : super(...a); } };`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(shift)}` };
}

describe("with the database", () => {
  it("1: a URL at which nothing listens", async () => {
    const text = await said(3, ["status"], { AUDIT_DATABASE_URL: "postgres://me:secret@localhost:1/app" });
    expect(text).toMatch(/cannot connect to database "app" on localhost:1 as user "me": connection refused/);
    expect(text).toMatch(/check the host and port in AUDIT_DATABASE_URL/);
    expect(text).not.toContain("secret");
  });

  it("2: a URL without its scheme", async () => {
    const text = await said(2, ["status"], { AUDIT_DATABASE_URL: "localhost:5432/app" });
    expect(text).toMatch(/AUDIT_DATABASE_URL is .* expected postgres:\/\/user:\*\*\*@host:5432\/database/);
  });

  it("3: a database without the chain", async () => {
    await using empty = await createDatabase();
    expect(
      await said(3, ["verify"], { AUDIT_DATABASE_URL: empty.url, AUDIT_SINKS: "", AUDIT_VERIFIER_KEYS: "" }),
    ).toMatch(
      /no table public\.audit_chain in this database\. Run audit-chain init, check the database URL, or set AUDIT_/,
    );
    await makeKeys();
    expect(await said(3, ["publish"], { AUDIT_DATABASE_URL: empty.url })).toMatch(/audit-chain init/);
  });

  it("4: a login without rights", async () => {
    await setUp();
    const login = await createLogin(db.sql);
    const text = await said(3, ["verify"], { AUDIT_DATABASE_URL: login.url });
    expect(text).toMatch(/NOT PROVEN/);
    expect(text).toMatch(/grant scidex_audit_(?:ro|inspector)/);
    expect(await said(3, ["publish"], { AUDIT_DATABASE_URL: login.url })).toMatch(/scidex_audit_publisher/);
    await login.drop();
  });
});

describe("with tables", () => {
  it("5: a name that is misspelt", async () => {
    expect(await said(2, ["attach", "ordres"])).toMatch(/"ordres" does not exist\. Did you mean orders\?/);
  });

  it("6: a table without a primary key", async () => {
    await db.sql`create table notes (text text)`;
    expect(await said(2, ["attach", "notes"])).toMatch(/no primary key.* Add a primary key, or name columns .* --key/);
  });

  it("7: a table that is not attached", async () => {
    expect(await said(2, ["backfill", "orders"])).toMatch(/not attached.* run audit-chain attach orders/);
    await setUp();
    const policy = { origin: "example.org/orders", detached: {}, tables: {} as Record<string, unknown> };
    policy.tables["public.notes"] = { kind: "notes", key: ["id"], exclude: [], changes: "refuse" };
    await writeFile(join(folder, "policy.json"), JSON.stringify(policy));
    expect(await said(1, ["verify", "--policy", join(folder, "policy.json")])).toMatch(
      /coverage_narrowed[\s\S]*public\.notes/,
    );
  });

  it("8: the backfill forgotten", async () => {
    await db.sql`insert into orders values (7, 7)`;
    expect((await done(["attach", "orders"])).stdout).toMatch(/1 row.* run: audit-chain backfill public\.orders/);
    await makeKeys();
    await done(["publish"]);
    expect(await said(3, ["verify"])).toMatch(
      /1 rows are not chained yet; run audit-(?:chain )?backfill public\.orders/,
    );
    expect((await done(["status"])).stdout).toMatch(/run: audit-chain backfill public\.orders/);
    await done(["backfill", "orders"]);
    await done(["publish"]);
    await done(["verify"]);
  });

  it("9: an update of a table that refuses changes", async () => {
    await setUp();
    const update = db.sql`update orders set amount = 1`;
    await expect(update).rejects.toMatchObject({ code: "AC004", hint: expect.stringContaining("--changes track") });
  });

  it("10: drizzle-kit push, which drops what it does not know", async () => {
    await setUp();
    await db.sql`drop table audit_chain, audit_chain_pending, audit_chain_config, audit_chain_relation,
      audit_chain_lock, audit_chain_ticket, audit_chain_migrations cascade`;
    expect(await said(1, ["verify"])).toMatch(/public\.audit_chain is not the table that it was/);
    expect(await said(3, ["status"])).toMatch(/audit-chain init/);
    expect(await said(3, ["publish"])).toMatch(
      /were dropped, as drizzle-kit push does.* tablesFilter of drizzle\.config\.ts/,
    );
  });
});

describe("with keys and sinks", () => {
  it("11: no key made yet", async () => {
    expect(await said(2, ["publish"])).toMatch(
      /log\.key does not exist: make one with: audit-chain keygen --name ORIGIN --out/,
    );
  });

  it("12: a key file that others can read", async () => {
    await makeKeys();
    await chmod(join(folder, "log.key"), 0o644);
    expect(await said(2, ["publish"])).toMatch(/can be read by others \(mode 0644\): chmod 600/);
  });

  it("13: the signing key given to the verifier", async () => {
    await setUp();
    const key = await readFile(join(folder, "log.key"), "utf8");
    for (const value of [key, join(folder, "log.key")]) {
      const text = await said(2, ["verify"], { AUDIT_VERIFIER_KEYS: value });
      expect(text).toMatch(/AUDIT_VERIFIER_KEYS.* sign/);
      for (const line of key.trim().split("\n")) expect(text).not.toContain(line.split("+").slice(4).join("+"));
    }
  });

  it("14: the keys of another log", async () => {
    await setUp();
    const other = await done(["keygen", "--name", "example.org/other", "--out", join(folder, "other.key")]);
    const verified = await said(1, ["verify"], { AUDIT_VERIFIER_KEYS: other.stdout });
    expect(verified).toMatch(/sink_signature[\s\S]*another log: "example\.org\/orders"[\s\S]*AUDIT_VERIFIER_KEYS/);
    const published = await said(1, ["publish"], { AUDIT_SIGNING_KEY_FILE: join(folder, "other.key") });
    expect(published).toMatch(/another log: "example\.org\/orders"[\s\S]*AUDIT_SIGNING_KEY_FILE/);
  });

  it("15: no folder for the sink", async () => {
    await makeKeys();
    await done(["attach", "orders"]);
    const sinks = { AUDIT_SINKS: `file:${folder}/heads/chain_head.log` };
    const text = await said(3, ["publish"], sinks);
    expect(text).toMatch(/the folder .*heads does not exist.* mount it, or create the folder once by hand \(mkdir -p/);
    await mkdir(join(folder, "heads"));
    await done(["publish"], sinks);
  });

  it("16: a sink that is no URL", async () => {
    await makeKeys();
    expect(await said(2, ["publish"], { AUDIT_SINKS: "/data/log" })).toMatch(
      /AUDIT_SINKS is "\/data\/log"; expected file:/,
    );
    expect(await said(2, ["publish"], { AUDIT_SINKS: "fiel:/data/log" })).toMatch(/fiel: is not known; use file:/);
    expect(await said(2, ["publish"], { AUDIT_SINKS: "file:log" })).toMatch(/file:\/absolute|absolute/);
  });

  it("17: sinks or keys forgotten when verifying, or nothing published yet", async () => {
    await done(["attach", "orders"]);
    await makeKeys();
    expect(await said(3, ["verify"], { AUDIT_SINKS: "" })).toMatch(/no sinks were given \(AUDIT_SINKS\)/);
    expect(await said(3, ["verify"], { AUDIT_VERIFIER_KEYS: "" })).toMatch(
      /no verifier keys were given \(AUDIT_VERIFIER_KEYS\)/,
    );
    expect(await said(3, ["verify"])).toMatch(
      /no sink holds a head: either none has been published yet, or the sinks were emptied/,
    );
  });
});

describe("with time and files", () => {
  it("18: a clock that is off by a day", async () => {
    await setUp();
    expect(await said(3, ["publish"], clock(1))).toMatch(/clock.*(?:ahead|differ|NTP)/s);
    expect(await said(3, ["publish"], clock(-1))).toMatch(/clock/);
    await done(["publish"]);
  });

  it("19: an old state file put back, or none", async () => {
    await setUp();
    const state = join(folder, "log.key.state");
    await copyFile(state, join(folder, "old.state"));
    await db.sql`insert into orders values (2, 50)`;
    await done(["publish"]);
    await copyFile(state, join(folder, "new.state"));
    await copyFile(join(folder, "old.state"), state);
    const text = await said(3, ["publish"]);
    expect(text).toMatch(/log\.key\.state is older than the sinks.*put the newest copy of the state back/s);
    await rm(state);
    expect(await said(3, ["publish"])).toMatch(/log\.key\.state.*(?:put it back|--recover-state)/s);
    await copyFile(join(folder, "new.state"), state);
    await done(["publish"]);
  });

  it("20: one file given for another", async () => {
    await setUp();
    expect(await said(2, ["verify", "--policy", join(folder, "keys.txt")])).toMatch(
      /policy.*audit-chain policy prints one/s,
    );
    const state = join(folder, "log.key.state");
    const before = await readFile(state);
    expect(await said(2, ["verify", "--state", state])).toMatch(/log\.key\.state: This is the publisher's state file/);
    expect(await readFile(state)).toEqual(before);
    expect(await said(2, ["verify"], { AUDIT_VERIFIER_KEYS: join(folder, "chain_head.log") })).toMatch(
      /AUDIT_VERIFIER_KEYS/,
    );
  });
});
