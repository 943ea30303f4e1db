import { randomBytes } from "node:crypto";
import type { Sql } from "postgres";
import { client } from "./client.ts";
import { toDatabase } from "./connection-url.ts";
import { runMark } from "./run-mark.ts";
import { testServer } from "./shared-server.ts";
import { cloneTemplate, ensureTemplate, type Template } from "./template.ts";
import type { TestServer } from "./test-server.ts";

/** A database that belongs to the caller alone. */
export interface TestDatabase {
  readonly url: string;
  readonly name: string;
  /** A client of this database, as the login of the server's URL. */
  readonly sql: Sql;
  /** Closes `sql` and drops the database, whoever is still connected to it. */
  drop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface DatabaseOptions {
  /** What the database starts with; without it, what PostgreSQL's own `template1` holds. */
  readonly template?: Template;
  /** The server; without it, the one that the tests of this run share. */
  readonly server?: Pick<TestServer, "url">;
}

/**
 * Creates a database under a unique name. With a template, it is a clone: the template is prepared once per
 * server, however many processes ask for it at once, and a clone takes some 30 ms.
 */
export async function createDatabase(options: DatabaseOptions = {}): Promise<TestDatabase> {
  const { url: serverUrl } = options.server ?? (await testServer());
  const name = `test_${runMark()}_${randomBytes(6).toString("hex")}`;
  const source = options.template === undefined ? "template1" : await ensureTemplate(serverUrl, options.template);
  await cloneTemplate(serverUrl, source, name);

  const url = toDatabase(serverUrl, name);
  const sql = client(url);
  const drop = async (): Promise<void> => {
    await sql.end({ timeout: 1 });
    const admin = client(serverUrl, { max: 1 });
    try {
      await admin`drop database if exists ${admin(name)} with (force)`;
    } finally {
      await admin.end({ timeout: 1 });
    }
  };
  return { url, name, sql, drop, [Symbol.asyncDispose]: drop };
}
