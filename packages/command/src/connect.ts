import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { clientAt, DEFAULT_PLACE, type Place, placeOf } from "@scidex/audit-core";
import postgres from "postgres";
import { CommandError } from "./command-error.ts";
import { isDatabaseUrl, namedDatabase, passwordFile, place } from "./environment.ts";
import { redact, redactUrl } from "./redact.ts";

export interface ConnectOptions {
  /** As it shows in `pg_stat_activity`, for example `audit-verify`. */
  readonly applicationName: string;
  /** How many connections may be open at once; {@link DEFAULT_CONNECTIONS} if not given. */
  readonly max?: number;
  /** Settings of each session, for example `{ default_transaction_read_only: "on" }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** How long the server may take to let us in, in seconds; {@link CONNECT_TIMEOUT} if not given. */
  readonly timeout?: number;
  /** Where the audit chain is in the database; by default as AUDIT_SCHEMA and AUDIT_ROLE_PREFIX say, else in `public`. */
  readonly place?: Place;
  /**
   * Where these say nothing, look for it in the catalog. Not for whoever verifies: in a hostile database even that statement can
   * run somebody's code.
   */
  readonly isFinding?: boolean;
}

export const DEFAULT_CONNECTIONS = 4;

/** How long a server may take to let us in, in seconds. */
export const CONNECT_TIMEOUT = 15;

/**
 * Connects to a database, once, to know that it can be done; the client that is returned connects again as needed.
 * It runs no query for custom types (they would be taken from catalogs that nobody has checked yet) and drops
 * notices. Its statements go to the chain where that is.
 *
 * @throws {CommandError} `configuration` when it is no PostgreSQL URL; `unavailable` when the server cannot be reached
 *   or refuses. The message says which server, database and user, why, and what to do. It never holds the password.
 */
export async function connect(url: string, options: ConnectOptions): Promise<postgres.Sql> {
  const told = options.place ?? place();
  const sql = open(url, options, await passwordFor(url));
  const timeout = options.timeout ?? CONNECT_TIMEOUT;
  const timer = new AbortController();
  try {
    // The driver tries for ever where something accepts connections and closes them again (a proxy without a server
    // behind it, another protocol), whatever its own time limit is.
    const late = sleep(timeout * 1000, undefined, { signal: timer.signal }).then(() => {
      throw Object.assign(new Error(`no PostgreSQL answered within ${timeout} seconds`), { code: "CONNECT_TIMEOUT" });
    });
    const found = await Promise.race([
      told === undefined && options.isFinding === true
        ? findPlace(sql)
        : sql`select 1`.then(() => told ?? DEFAULT_PLACE),
      late,
    ]);
    return clientAt(sql, found);
  } catch (error) {
    await sql.end({ timeout: 0 });
    throw unavailable(error, sql.options);
  } finally {
    timer.abort();
  }
}

/** Where the one chain of a database is; the default place where there is none, several, or one in `public`. */
async function findPlace(sql: postgres.Sql): Promise<Place> {
  const chains = await sql<{ schema: string; owner: string }[]>`
    select n.nspname as schema, pg_catalog.pg_get_userbyid(c.relowner)::text as owner
      from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
     where c.relname = 'audit_chain_lock' and c.relkind = 'r'`;
  const [chain] = chains;
  if (chain === undefined || chains.length > 1 || chain.schema === DEFAULT_PLACE.schema) return DEFAULT_PLACE;
  try {
    const rolePrefix = /^(.*)owner$/u.exec(chain.owner)?.[1];
    return placeOf({ schema: chain.schema, ...(rolePrefix === undefined ? {} : { rolePrefix }) });
  } catch {
    return DEFAULT_PLACE;
  }
}

/**
 * What `AUDIT_PASSWORD_FILE` holds, for a URL without a password: that of the database that the command works on. Where alerts go is
 * another server, which has no business with it.
 */
async function passwordFor(url: string): Promise<{ password?: string }> {
  const file = passwordFile();
  if (file === undefined || url !== namedDatabase() || /^[^:]+:\/\/[^/@]*:[^/]*@/u.test(url)) return {};
  const wrong = (what: string, cause?: unknown): CommandError =>
    new CommandError("configuration", `AUDIT_PASSWORD_FILE is "${file}", which ${what}`, { cause });
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw wrong(`cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
  // A server can ask for it in the clear: a configuration that names a key in its place must not send that away.
  const password = text.replace(/\r?\n$/u, "");
  if (password === "" || /[\r\n]/u.test(password))
    throw wrong("is none that can be taken; expected one line, the password");
  return { password };
}

function open(url: string, options: ConnectOptions, password: { password?: string }): postgres.Sql {
  try {
    if (!isDatabaseUrl(url)) throw new TypeError("not a PostgreSQL URL");
    return postgres(url, {
      max: options.max ?? DEFAULT_CONNECTIONS,
      connect_timeout: options.timeout ?? CONNECT_TIMEOUT,
      // The driver takes the name as it stands in the URL, percent-encoded.
      ...databaseOf(url),
      ...password,
      fetch_types: false,
      onnotice: () => {},
      connection: { ...options.settings, application_name: options.applicationName },
    });
  } catch (cause) {
    const right = "postgres://user:password@host:5432/database, with special characters percent-encoded";
    throw new CommandError("configuration", `the database URL is "${redactUrl(url)}"; expected ${right}`, {
      cause,
    });
  }
}

function databaseOf(url: string): { database?: string } {
  const path = /^[^:]+:\/\/[^/?]*\/([^?]+)/.exec(url)?.[1];
  return path === undefined ? {} : { database: decodeURIComponent(path) };
}

type Target = Pick<postgres.ParsedOptions, "host" | "port" | "database" | "user" | "path">;

function unavailable(error: unknown, target: Target): CommandError {
  const host = target.path || target.host.map((name, i) => `${name}:${target.port[i]}`).join(", ");
  const where = `database "${target.database}" on ${host} as user "${target.user}"`;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const advice = ADVICE[code] ?? (code.startsWith("08") ? ADVICE["ECONNRESET"] : undefined);
  const reason = redact(reasonOf(error, code));
  return new CommandError("unavailable", `cannot connect to ${where}: ${reason}${advice ? `; ${advice}` : ""}`, {
    cause: error,
  });
}

function reasonOf(error: unknown, code: string): string {
  if (!(error instanceof Error)) return String(error);
  return REASONS[code] ?? (error.message || code || error.name);
}

/** Where the system's own message is a code word, or empty. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ENOTFOUND: "no such host",
  EAI_AGAIN: "the host's name cannot be looked up",
  ENOENT: "no such socket",
  CONNECT_TIMEOUT: "no PostgreSQL answered in time",
  ETIMEDOUT: "no answer",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "no route to the host",
  ECONNRESET: "the connection was closed",
  CONNECTION_CLOSED: "the connection was closed",
};

const CHECK_ADDRESS = "check the host and port in AUDIT_DATABASE_URL, and that the server runs";
const CHECK_LOGIN = "check the user and password in AUDIT_DATABASE_URL";
const TRY_LATER = "try again in a moment";

/** By error code of the system, the driver or PostgreSQL (SQLSTATE). */
const ADVICE: Readonly<Record<string, string>> = {
  ECONNREFUSED: CHECK_ADDRESS,
  ENOTFOUND: CHECK_ADDRESS,
  EAI_AGAIN: CHECK_ADDRESS,
  ENOENT: CHECK_ADDRESS,
  CONNECT_TIMEOUT: CHECK_ADDRESS,
  ETIMEDOUT: CHECK_ADDRESS,
  EHOSTUNREACH: CHECK_ADDRESS,
  ENETUNREACH: CHECK_ADDRESS,
  ECONNRESET: "check that a PostgreSQL server listens there, and whether it wants TLS (?sslmode=require)",
  CONNECTION_CLOSED: "check that a PostgreSQL server listens there, and whether it wants TLS (?sslmode=require)",
  "28P01": CHECK_LOGIN,
  "28000": `${CHECK_LOGIN}, and pg_hba.conf on the server`,
  SASL_SIGNATURE_MISMATCH: CHECK_LOGIN,
  "3D000": "create the database, or correct its name in AUDIT_DATABASE_URL",
  "42501": "grant the user CONNECT on the database",
  "53300": `the server has no free connection: ${TRY_LATER}, or raise max_connections`,
  "57P03": TRY_LATER,
  "57P01": TRY_LATER,
};
