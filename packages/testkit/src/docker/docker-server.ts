import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { client } from "../client.ts";
import { TestkitError } from "../testkit-error.ts";

/** The image of a test server in Docker; `AUDIT_TEST_POSTGRES_IMAGE` names another. */
export const DEFAULT_IMAGE = "postgres:18-alpine";

/**
 * Starts PostgreSQL in a container, through testcontainers, on a random port of loopback.
 *
 * @throws {TestkitError} `server_failed` when it never accepts connections; errors of testcontainers as they are.
 */
export async function startDocker(
  image: string,
  settings: Readonly<Record<string, string>>,
): Promise<{ url: string; stop(): Promise<void> }> {
  // Loaded only here: it takes most of a second, and most machines that run the tests have no engine.
  const { GenericContainer, Wait } = await import("testcontainers");
  const password = randomBytes(24).toString("hex");
  const container = await new GenericContainer(image)
    .withEnvironment({ POSTGRES_PASSWORD: password, POSTGRES_DB: "postgres" })
    .withCommand(["postgres", ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])])
    .withExposedPorts(5432)
    // The image's set-up logs this once more than the real start, but listens on a socket only: connecting decides.
    .withWaitStrategy(Wait.forLogMessage(/database system is ready to accept connections/))
    .start();
  const url = `postgres://postgres:${password}@${container.getHost()}:${container.getMappedPort(5432)}/postgres`;
  const stop = async (): Promise<void> => {
    await container.stop({ timeout: 0 });
  };
  try {
    await untilConnected(url);
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Tries for a minute. Each attempt has a limit of its own: Docker's proxy accepts connections before the server does,
 * and closes them again. The driver takes that as a reason to go on for ever.
 */
async function untilConnected(url: string): Promise<void> {
  let last: unknown;
  for (let i = 0; i < 60; i++) {
    const sql = client(url, { max: 1, connect_timeout: 5 });
    try {
      const isReady = sql`select 1`.then(() => true);
      if (await Promise.race([isReady, sleep(1000, false)])) return;
    } catch (error) {
      last = error;
      await sleep(1000);
    } finally {
      await sql.end({ timeout: 0 });
    }
  }
  throw new TestkitError("server_failed", "PostgreSQL in Docker does not accept connections", { cause: last });
}
