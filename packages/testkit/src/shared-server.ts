import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { client } from "./client.ts";
import { runMark } from "./run-mark.ts";
import { startTestServer, type TestServer } from "./test-server.ts";
import { TestkitError } from "./testkit-error.ts";

/** Set by {@link shareTestServer} for the processes of its run: where they ask for the server. */
const BROKER = "AUDIT_TEST_SERVER_BROKER";

/**
 * The server that the tests of this run share. Within a run that {@link shareTestServer} set up, all processes get
 * the same one; otherwise it is started once per process.
 *
 * @throws {TestkitError} `no_server`, saying what was tried. A test never goes on, or skips itself, without one.
 */
export async function testServer(): Promise<TestServer> {
  return (await askBroker()) ?? (await ownServer());
}

let own: Promise<TestServer> | undefined;

function ownServer(): Promise<TestServer> {
  own ??= startTestServer().then((server) => ({
    ...server,
    stop: async () => {
      own = undefined;
      await server.stop();
    },
  }));
  return own;
}

/**
 * One test server for all processes of a run, started when the first of them asks for it: tests that need none do
 * not wait. To be called in a test runner's global set-up; the function it returns belongs into the tear-down. One
 * line on stderr says which server it is.
 */
export async function shareTestServer(): Promise<() => Promise<void>> {
  let server: Promise<TestServer> | undefined;
  const start = async (): Promise<TestServer> => {
    const started = await startTestServer();
    process.stderr.write(`test server: ${NAMES[started.kind]} PostgreSQL ${started.version}\n`);
    for (const failure of started.failures) process.stderr.write(`test server: not ${failure}\n`);
    return started;
  };
  // Whoever has the URL is superuser of the server: other users of this machine must not get it by asking.
  const secret = randomBytes(24).toString("hex");
  const broker = createServer((request, response) => {
    if (request.url !== `/${secret}`) {
      response.writeHead(404).end();
      return;
    }
    server ??= start();
    server.then(
      ({ url, kind, version, failures }) => response.end(JSON.stringify({ url, kind, version, failures })),
      (error: unknown) => response.writeHead(500).end(error instanceof Error ? error.message : String(error)),
    );
  });
  await new Promise<void>((resolve, reject) => {
    broker.once("error", reject);
    broker.listen(0, "127.0.0.1", resolve);
  });
  const address = broker.address();
  const port = typeof address === "object" ? address?.port : undefined;
  process.env[BROKER] = `http://127.0.0.1:${port}/${secret}`;
  const mark = runMark();
  return async () => {
    delete process.env[BROKER];
    broker.close();
    broker.closeAllConnections();
    const started = await server?.catch(() => undefined);
    if (started?.kind === "url") await dropDatabases(started.url, mark);
    await started?.stop();
  };
}

const NAMES = { url: "AUDIT_TEST_DATABASE_URL", docker: "Docker", embedded: "embedded" };

async function askBroker(): Promise<TestServer | undefined> {
  const broker = process.env[BROKER];
  if (!broker) return undefined;
  const response = await fetch(broker, { headers: { connection: "close" } });
  if (!response.ok) throw new TestkitError("no_server", await response.text());
  const found = (await response.json()) as Omit<TestServer, "stop">;
  return { ...found, stop: async () => {} };
}

async function dropDatabases(url: string, mark: string): Promise<void> {
  const sql = client(url, { max: 1 });
  try {
    const databases = await sql<{ datname: string }[]>`
      select datname from pg_database where datname like ${`%\\_${mark}\\_%`}`;
    for (const { datname } of databases) {
      await sql`alter database ${sql(datname)} is_template false`;
      await sql`drop database if exists ${sql(datname)} with (force)`;
    }
  } finally {
    await sql.end({ timeout: 1 });
  }
}
