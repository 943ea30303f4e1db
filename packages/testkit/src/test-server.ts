import { client } from "./client.ts";
import { withoutPassword } from "./connection-url.ts";
import { dockerEngine } from "./docker/docker-engine.ts";
import { DEFAULT_IMAGE, startDocker } from "./docker/docker-server.ts";
import { startEmbedded } from "./embedded/embedded-server.ts";
import { TestkitError } from "./testkit-error.ts";

/** Where a test server comes from, in the order in which they are tried. */
export const SERVER_KINDS = ["url", "docker", "embedded"] as const;

export type ServerKind = (typeof SERVER_KINDS)[number];

/** A PostgreSQL server for tests, whoever runs it. */
export interface TestServer {
  /** A login that may create databases and roles. */
  readonly url: string;
  readonly kind: ServerKind;
  /** For example `18.4`. */
  readonly version: string;
  /** What went wrong with kinds that come first in the order; empty where they are simply not there. */
  readonly failures: readonly string[];
  /** Stops it if it was started for the caller alone; a shared or given server stays. */
  stop(): Promise<void>;
}

/**
 * The settings of a server that many test files share. Durability across a power cut is of no use to tests; the
 * semantics of a commit (`synchronous_commit`) stay what they are in production.
 */
export const TEST_SETTINGS: Readonly<Record<string, string>> = {
  max_connections: "300",
  shared_buffers: "256MB",
  max_prepared_transactions: "20",
  wal_level: "logical",
  max_slot_wal_keep_size: "1GB",
  max_replication_slots: "30",
  max_wal_senders: "30",
  fsync: "off",
};

/**
 * Gets a server: the one that `AUDIT_TEST_DATABASE_URL` names, else one in Docker where an engine answers, else an
 * embedded one. `AUDIT_TEST_SERVER=url|docker|embedded` allows only that kind; `AUDIT_TEST_POSTGRES_IMAGE` names
 * the image for Docker.
 *
 * @throws {TestkitError} `no_server`; `wrong_setting` when a variable's value cannot be used.
 */
export async function startTestServer(env: NodeJS.ProcessEnv = process.env): Promise<TestServer> {
  const tried: string[] = [];
  const failures: string[] = [];
  for (const kind of allowedKinds(env)) {
    const found = await START[kind](env);
    if ("url" in found) return { kind, version: await serverVersion(found.url), failures, ...found };
    tried.push(`${kind}: ${found.reason}`);
    if (found.isFailure) failures.push(`${kind}: ${found.reason}`);
  }
  throw new TestkitError("no_server", `no PostgreSQL server for the tests; tried\n${tried.join("\n")}`);
}

function allowedKinds(env: NodeJS.ProcessEnv): readonly ServerKind[] {
  const wanted = env["AUDIT_TEST_SERVER"];
  if (!wanted) return SERVER_KINDS;
  const kind = SERVER_KINDS.find((name) => name === wanted);
  if (kind === undefined) {
    throw new TestkitError(
      "wrong_setting",
      `AUDIT_TEST_SERVER is ${JSON.stringify(wanted)}; expected one of ${SERVER_KINDS.join(", ")}`,
    );
  }
  return [kind];
}

type Started = Pick<TestServer, "url" | "stop">;

/** Why there is no server of a kind: it is not there, or (a failure) it should be there and did not work. */
interface Absent {
  readonly reason: string;
  readonly isFailure: boolean;
}

const START: Record<ServerKind, (env: NodeJS.ProcessEnv) => Promise<Started | Absent>> = {
  url: async (env) => {
    const url = env["AUDIT_TEST_DATABASE_URL"];
    if (!url) return { reason: "AUDIT_TEST_DATABASE_URL is not set", isFailure: false };
    try {
      await serverVersion(url);
    } catch (cause) {
      // Whoever names a server wants that one: falling back to another would test something else.
      const reason = cause instanceof Error ? cause.message || cause.name : String(cause);
      throw new TestkitError(
        "wrong_setting",
        `AUDIT_TEST_DATABASE_URL is ${withoutPassword(url)}, which does not answer (${withoutPassword(reason)}); ` +
          "expected postgres://user:password@host:port/database of a login that may create databases and roles",
        { cause },
      );
    }
    return { url, stop: async () => {} };
  },
  docker: async (env) => {
    if ((await dockerEngine(env)) === undefined) {
      return { reason: "no Docker engine answers", isFailure: false };
    }
    const image = env["AUDIT_TEST_POSTGRES_IMAGE"] || DEFAULT_IMAGE;
    return orReason(() => startDocker(image, { ...TEST_SETTINGS, dynamic_shared_memory_type: "mmap" }));
  },
  embedded: () =>
    orReason(async () => {
      const server = await startEmbedded({ settings: TEST_SETTINGS });
      return { url: server.url, stop: () => server.stop() };
    }),
};

async function orReason(start: () => Promise<Started>): Promise<Started | Absent> {
  try {
    return await start();
  } catch (error) {
    return { reason: error instanceof Error ? error.message.trim() : String(error), isFailure: true };
  }
}

async function serverVersion(url: string): Promise<string> {
  const sql = client(url, { max: 1 });
  try {
    const [row] = await sql<{ server_version: string }[]>`show server_version`;
    // Distributions append their own version: "16.4 (Debian 16.4-1)".
    return String(row?.server_version).replace(/ .*/, "");
  } finally {
    await sql.end({ timeout: 1 });
  }
}
