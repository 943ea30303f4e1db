import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, lstatSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { createDatabase, embeddedBinaries, startEmbedded, startTestServer, testServer } from "../src/index.ts";
import { isRunning } from "../src/embedded/process-tree.ts";
import { openDatabase } from "./open-database.ts";

test("a server that was killed starts again with what was committed", async () => {
  await using server = await startEmbedded();
  const before = openDatabase(server.url);
  await before.sql`create table kept as select 7 as n`;
  const { pid } = server;
  await server.kill();
  expect(server.pid).toBeUndefined();
  await expect(before.sql`select 1`).rejects.toMatchObject({
    code: expect.stringMatching(/^(CONNECTION_CLOSED|CONNECTION_ENDED|ECONNREFUSED|ECONNRESET)$/) as string,
  });
  await before[Symbol.asyncDispose]();

  await server.start();
  expect(server.pid).not.toBe(pid);
  expect(server.log()).toContain("automatic recovery in progress");
  await using after = openDatabase(server.url);
  expect(await after.sql`select n from kept`).toEqual([{ n: 7 }]);
});

test("killing a server leaves no process of it behind", async () => {
  await using server = await startEmbedded();
  await using session = openDatabase(server.url);
  await using busy = openDatabase(server.url);
  // A backend that waits notices by itself that its postmaster is gone; one that computes does not.
  const computing = busy.sql`select count(*) from generate_series(1, 1e11) n`.catch((error: unknown) => error);
  const computes = () => session.sql`select from pg_stat_activity where state = 'active' and query like '%1e11) n'`;
  await expect.poll(async () => (await computes()).length).toBe(1);
  const rows = await session.sql<{ pid: number }[]>`select pid from pg_stat_activity`;
  expect(rows.length).toBeGreaterThan(4);
  await server.kill();
  expect(await computing).toBeInstanceOf(Error);
  for (const { pid } of rows) expect(isRunning(pid)).toBe(false);
});

test("a server that was shut down starts again, on the same port", async () => {
  await using server = await startEmbedded();
  const { url } = server;
  await server.shutdown();
  await server.start();
  expect(server.url).toBe(url);
});

test("two servers run at once, and stopping removes their folders", async () => {
  const servers = await Promise.all([startEmbedded(), startEmbedded()]);
  const [first, second] = servers;
  expect(first.port).not.toBe(second.port);
  expect(first.dataDir).not.toBe(second.dataDir);
  for (const server of servers) {
    const folder = dirname(server.dataDir);
    const { pid } = server;
    expect(existsSync(folder)).toBe(true);
    await server.stop();
    expect(existsSync(folder)).toBe(false);
    expect(isRunning(Number(pid))).toBe(false);
  }
});

test("a server asks for a password, and takes settings with quotes and backslashes", async () => {
  await using server = await startEmbedded({ settings: { application_name: "it's a \\ test", max_connections: "7" } });
  const open = new URL(server.url);
  open.password = "wrong";
  await using stranger = openDatabase(open.href);
  await expect(stranger.sql`select 1`).rejects.toMatchObject({ code: "28P01" });
  await using session = openDatabase(server.url);
  expect(await session.sql`select reset_val from pg_settings where name = 'max_connections'`).toEqual([
    { reset_val: "7" },
  ]);
  expect(await session.sql`select boot_val, setting from pg_settings where name = 'listen_addresses'`).toMatchObject([
    { setting: "127.0.0.1" },
  ]);
});

test("a data directory that was given is kept and can be started again", async () => {
  const folder = mkdtempSync(join(tmpdir(), "testkit-kept-"));
  chmodSync(folder, 0o755);
  try {
    const dataDir = join(folder, "data");
    const first = await startEmbedded({ dataDir });
    await using session = openDatabase(first.url);
    await session.sql`create table kept ()`;
    await session.sql.end();
    await first.stop();
    await using second = await startEmbedded({ dataDir });
    await using again = openDatabase(second.url);
    expect(await again.sql`select to_regclass('kept') is not null as kept`).toEqual([{ kept: true }]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a server that cannot start says why, and leaves nothing behind", async () => {
  await withOwnTemporaryFolder(async (folder) => {
    await expect(startEmbedded({ settings: { max_connections: "many" } })).rejects.toMatchObject({
      code: "server_failed",
      message: expect.stringContaining('invalid value for parameter "max_connections": "many"') as string,
    });
    // The copy of the binaries, where one was needed, is kept on purpose.
    expect(readdirSync(folder).filter((name) => !name.startsWith("audit-testkit-postgres-"))).toEqual([]);
  });
});

test("binaries below a folder that PostgreSQL's account may not enter are run from a copy", async () => {
  await withOwnTemporaryFolder(async (folder) => {
    const home = join(folder, "home");
    const binaries = join(home, "native");
    cpSync(embeddedBinaries(), binaries, { recursive: true, verbatimSymlinks: true });
    chmodSync(home, 0o700);
    // The second time the copy is there already. Only root runs PostgreSQL as someone else.
    for (let i = 0; i < 2; i++) {
      await using server = await startEmbedded({ binaries });
      await using session = openDatabase(server.url);
      expect(await session.sql`select 1 as n`).toEqual([{ n: 1 }]);
      expect(server.binDir.startsWith(home)).toBe(process.getuid?.() !== 0);
    }
    const copies = readdirSync(folder).filter((name) => name.startsWith("audit-testkit-postgres-"));
    expect(copies).toHaveLength(process.getuid?.() === 0 ? 1 : 0);
  });
});

test("a copy of the binaries that lost a file is made anew, and one that others can write to is not used", async () => {
  await withOwnTemporaryFolder(async (folder) => {
    const binaries = join(folder, "native");
    cpSync(embeddedBinaries(), binaries, { recursive: true, filter: (path) => !lstatSync(path).isSymbolicLink() });
    const copy = await binDirOf(binaries);
    expect(copy.startsWith(binaries)).toBe(false);
    rmSync(join(copy, "initdb"));
    expect(await binDirOf(binaries)).toBe(copy);
    chmodSync(dirname(copy), 0o777);
    expect(await binDirOf(binaries)).not.toBe(copy);
  });
});

test("binaries whose symbolic links were never made are run from a copy that has them", async () => {
  await withOwnTemporaryFolder(async (folder) => {
    const binaries = join(folder, "native");
    cpSync(embeddedBinaries(), binaries, { recursive: true, filter: (path) => !lstatSync(path).isSymbolicLink() });
    await using server = await startEmbedded({ binaries });
    await using session = openDatabase(server.url);
    expect(await session.sql`select 1 as n`).toEqual([{ n: 1 }]);
  });
});

test.each(["SIGKILL", "SIGINT", "SIGTERM", "exit", "throw"])(
  "a server goes away with the process that started it: %s",
  async (end) => {
    const source = `
      import { startEmbedded } from ${JSON.stringify(fileURLToPath(new URL("../src/index.ts", import.meta.url)))};
      const server = await startEmbedded();
      console.log(JSON.stringify({ pid: server.pid, dataDir: server.dataDir }));
      const end = ${JSON.stringify(end)};
      if (end === "throw") throw new Error("on purpose");
      if (end !== "exit") process.kill(process.pid, end);`;
    const args = ["--conditions=source", "--input-type=module", "--eval", source];
    const child = spawnSync(process.execPath, args, { encoding: "utf8" });
    const { pid, dataDir } = JSON.parse(child.stdout) as { pid: number; dataDir: string };
    for (let i = 0; i < 400 && (isRunning(pid) || existsSync(dirname(dataDir))); i++) await sleep(25);
    expect(isRunning(pid)).toBe(false);
    expect(existsSync(dirname(dataDir))).toBe(false);
  },
);

test("a template is prepared once for databases that are created at once", async () => {
  let prepared = 0;
  const template = {
    name: "server-test",
    prepare: async (url: string): Promise<void> => {
      prepared++;
      await using session = openDatabase(url);
      await session.sql`create table rows as select generate_series(1, 1000) as n`;
    },
  };
  const databases = await Promise.all(Array.from({ length: 8 }, () => createDatabase({ template })));
  expect(prepared).toBe(1);
  expect(new Set(databases.map(({ name }) => name)).size).toBe(8);
  for (const { sql } of databases) expect(await sql`select count(*)::int as n from rows`).toEqual([{ n: 1000 }]);
  await Promise.all(databases.map((database) => database.drop()));
});

test("a template whose preparation failed is prepared anew", async () => {
  let attempts = 0;
  const template = {
    name: "server-test-broken",
    prepare: async (url: string): Promise<void> => {
      await using session = openDatabase(url);
      await session.sql`create table half ()`;
      if (++attempts === 1) throw new Error("on purpose");
    },
  };
  await expect(createDatabase({ template })).rejects.toThrow("on purpose");
  await using database = await createDatabase({ template });
  expect(await database.sql`select to_regclass('half') is not null as made`).toEqual([{ made: true }]);
});

test("dropping a database ends the sessions that are still in it", async () => {
  const database = await createDatabase();
  await using session = openDatabase(database.url);
  await session.sql`select 1`;
  await database.drop();
  const { url } = await testServer();
  await using admin = openDatabase(url);
  expect(await admin.sql`select from pg_database where datname = ${database.name}`).toEqual([]);
});

test("all tests of a run share one server", async () => {
  const [first, second] = await Promise.all([testServer(), testServer()]);
  expect(first.url).toBe(second.url);
});

test("a server kind that was asked for is not replaced by another", async () => {
  const env = { AUDIT_TEST_SERVER: "docker", DOCKER_HOST: "tcp://127.0.0.1:9" };
  await expect(startTestServer(env)).rejects.toMatchObject({
    code: "no_server",
    message: expect.stringContaining("docker: no Docker engine answers") as string,
  });
  await expect(startTestServer({ AUDIT_TEST_SERVER: "url" })).rejects.toMatchObject({ code: "no_server" });
});

test("a wrong setting is named, with what was read and what is expected, and without its password", async () => {
  await expect(startTestServer({ AUDIT_TEST_SERVER: "oracle" })).rejects.toMatchObject({
    code: "wrong_setting",
    message: 'AUDIT_TEST_SERVER is "oracle"; expected one of url, docker, embedded',
  });
  const error: unknown = await startTestServer({ AUDIT_TEST_DATABASE_URL: "postgres://me:hush@127.0.0.1:9/x" }).catch(
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code: "wrong_setting" });
  expect(String(error)).toContain("postgres://me:***@127.0.0.1:9/x");
  expect(String(error)).not.toContain("hush");
});

/** A folder for temporary files that nobody else uses meanwhile, and that holds no copy of the binaries yet. */
async function withOwnTemporaryFolder(action: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "testkit-"));
  chmodSync(folder, 0o755);
  const { TMPDIR } = process.env;
  process.env["TMPDIR"] = folder;
  try {
    await action(folder);
  } finally {
    if (TMPDIR === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = TMPDIR;
    rmSync(folder, { recursive: true, force: true });
  }
}

async function binDirOf(binaries: string): Promise<string> {
  await using server = await startEmbedded({ binaries });
  return server.binDir;
}
