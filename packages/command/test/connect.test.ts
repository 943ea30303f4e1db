import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asRole, createDatabase, createLogin, toDatabase } from "@scidex/audit-testkit";
import { expect, test, vi } from "vitest";
import { connect } from "../src/index.ts";

const options = { applicationName: "connect-test" };

test("a connection bears the command's name and settings", async () => {
  await using database = await createDatabase();
  const sql = await connect(database.url, { ...options, settings: { default_transaction_read_only: "on" } });
  expect(
    await sql`select current_setting('application_name') as name, current_setting('transaction_read_only') as mode`,
  ).toEqual([{ name: "connect-test", mode: "on" }]);
  await sql.end();
});

test("a database's name may have any characters in it", async () => {
  await using database = await createDatabase();
  const name = `${database.name} ä/%`;
  await database.sql`create database ${database.sql(name)}`;
  const sql = await connect(toDatabase(database.url, name), options);
  expect(await sql`select current_database() as name`).toEqual([{ name }]);
  await sql.end();
  await database.sql`drop database ${database.sql(name)}`;
});

test("a wrong password says who was refused where, without the password", async () => {
  await using database = await createDatabase();
  const login = await createLogin(database.sql);
  const error = await refusal(asRole(login.url, login.name, "wr@ng/hush"));
  expect(error).toMatchObject({ code: "unavailable", exit: 3 });
  const { hostname, port } = new URL(login.url);
  expect(error.message).toContain(`database "${database.name}" on ${hostname}:${port} as user "${login.name}"`);
  expect(error.message).toContain("password authentication failed");
  expect(error.message).toContain("check the user and password");
  expect(error.message).not.toContain("hush");
  await login.drop();
});

test("the password of a file goes to the database that it is for, and to no other", async () => {
  await using database = await createDatabase();
  const login = await createLogin(database.sql);
  const url = new URL(login.url);
  const folder = await mkdtemp(join(tmpdir(), "audit-password-"));
  const file = join(folder, "password");
  await writeFile(file, `${decodeURIComponent(url.password)}\n`);
  vi.stubEnv("AUDIT_PASSWORD_FILE", file);
  url.password = "";
  try {
    vi.stubEnv("AUDIT_DATABASE_URL", url.href);
    const sql = await connect(url.href, options);
    expect(await sql`select current_user as name`).toEqual([{ name: login.name }]);
    await sql.end();
    // As where alerts go to another server.
    vi.stubEnv("AUDIT_DATABASE_URL", "postgres://me@127.0.0.1/audited");
    expect(await refusal(url.href)).toMatchObject({ code: "unavailable" });
  } finally {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
    await login.drop();
  }
});

test.each([
  ["no password", "\n"],
  ["something else", "-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----\n"],
])("a password file with %s is sent to nobody, nor shown", async (_, text) => {
  const folder = await mkdtemp(join(tmpdir(), "audit-password-"));
  const url = `postgres://me@127.0.0.1:${await closedPort()}/x`;
  vi.stubEnv("AUDIT_DATABASE_URL", url);
  vi.stubEnv("AUDIT_PASSWORD_FILE", join(folder, "password"));
  try {
    await writeFile(join(folder, "password"), text);
    const error = await refusal(url);
    expect(error).toMatchObject({ code: "configuration" });
    expect(error.message).toContain("expected one line, the password");
    expect(error.message).not.toContain("hush");
  } finally {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  }
});

test("a database that does not exist is named", async () => {
  await using database = await createDatabase();
  const error = await refusal(toDatabase(database.url, "no such database"));
  expect(error).toMatchObject({ code: "unavailable" });
  expect(error.message).toContain('database "no such database" does not exist; create the database');
});

test("a login without the right to connect is told what to grant", async () => {
  await using database = await createDatabase();
  const login = await createLogin(database.sql);
  await database.sql`revoke connect on database ${database.sql(database.name)} from public`;
  const error = await refusal(login.url);
  expect(error).toMatchObject({ code: "unavailable" });
  expect(error.message).toContain("grant the user CONNECT");
  await login.drop();
});

test("a port where nothing listens, a host that does not exist and a socket that is not there are told apart", async () => {
  const closed = await refusal(`postgres://me:hush@127.0.0.1:${await closedPort()}/x`);
  expect(closed).toMatchObject({ code: "unavailable" });
  expect(closed.message).toMatch(
    /^cannot connect to database "x" on 127\.0\.0\.1:\d+ as user "me": connection refused; /,
  );
  const host = await refusal("postgres://me:hush@no-such-host.invalid/x");
  expect(host).toMatchObject({ code: "unavailable" });
  expect(host.message).toContain("on no-such-host.invalid:5432");
});

test("something that is not PostgreSQL does not pass for it", async () => {
  const server = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  try {
    const port = typeof address === "object" ? address?.port : undefined;
    const error = await refusal(`postgres://me:hush@127.0.0.1:${port}/x`, 1);
    expect(error).toMatchObject({ code: "unavailable" });
    expect(error.message).toContain("no PostgreSQL answered in time; check the host and port");
  } finally {
    server.close();
  }
});

test.each(["", "db", "mysql://me:hush@h/d", "postgres://me:hush@h:port/d"])(
  "%j is wrong configuration",
  async (url) => {
    const error = await refusal(url);
    expect(error).toMatchObject({ code: "configuration", exit: 2 });
    expect(error.message).not.toContain("hush");
  },
);

async function refusal(url: string, timeout = 30): Promise<Error> {
  try {
    await (await connect(url, { ...options, timeout })).end();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("it connected");
}

/** A port that was free a moment ago. */
function closedPort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 1));
    });
  });
}
