import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase, createLogin, SERVER_KINDS, startTestServer, type TestServer } from "../src/index.ts";

import { openDatabase } from "./open-database.ts";

// `.ci/server-kinds` runs this file once for each kind and checks what it printed.
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
  process.stderr.write(`server-kinds: ran with ${server.kind}, PostgreSQL ${server.version}\n`);
});

afterAll(async () => {
  await server?.stop();
});

test("a test server is of the kind that was asked for", () => {
  const wanted = process.env["AUDIT_TEST_SERVER"];
  expect(wanted ? [wanted] : SERVER_KINDS).toContain(server.kind);
});

test("every kind of server speaks UTF8 and is a version that the project supports", async () => {
  await using database = await createDatabase({ server });
  const [row] = await database.sql`
    select current_setting('server_version_num')::int >= 140000 as supported,
           current_setting('server_encoding') as encoding`;
  expect(row).toEqual({ supported: true, encoding: "UTF8" });
});

test("every kind of server clones a template and holds 40 sessions at once", async () => {
  const prepare = async (url: string): Promise<void> => {
    await using empty = openDatabase(url);
    await empty.sql`create table prepared as select 1 as n`;
  };
  const template = { name: "kinds", prepare };
  await using database = await createDatabase({ server, template });
  const sessions = Array.from({ length: 40 }, () => openDatabase(database.url));
  try {
    const rows = await Promise.all(sessions.map(({ sql }) => sql`select n from prepared`));
    expect(rows.flat()).toEqual(sessions.map(() => ({ n: 1 })));
  } finally {
    await Promise.all(sessions.map((session) => session[Symbol.asyncDispose]()));
  }
});

test("every kind of server lets the tests create logins", async () => {
  await using database = await createDatabase({ server });
  const login = await createLogin(database.sql, { grant: ["pg_read_all_settings"], attributes: "CREATEROLE" });
  await using other = openDatabase(login.url);
  const [row] = await other.sql`
    select current_user as name, pg_has_role('pg_read_all_settings', 'usage') as granted, rolcreaterole as createrole
      from pg_roles where rolname = current_user`;
  expect(row).toEqual({ name: login.name, granted: true, createrole: true });
  await other.sql.end();
  await login.drop();
});
