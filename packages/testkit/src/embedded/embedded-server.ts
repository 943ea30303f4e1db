import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { type Account, serverAccount, temporaryRoot } from "./account.ts";
import { type Binaries, embeddedBinaries, program, runnableBinaries } from "./binaries.ts";
import { giveTo, initialise, serverEnvironment, superuserPassword, writeSettings } from "./data-directory.ts";
import { freePort } from "./free-port.ts";
import { killTree } from "./process-tree.ts";
import { TestkitError } from "../testkit-error.ts";
import { startWatchdog, type Watchdog } from "./watch.ts";

/** How an embedded server is started; everything has a default. */
export interface EmbeddedOptions {
  /** The TCP port on 127.0.0.1; a free one if not given. It stays the same over restarts. */
  readonly port?: number;
  /**
   * The data directory. One that is given is made if need be, started again if the testkit made it, and never
   * removed. Without it, a temporary one, which `stop()` or the end of this process removes.
   */
  readonly dataDir?: string;
  /** Settings of `postgresql.conf`, over {@link EMBEDDED_SETTINGS}. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The folder with `bin`, `lib` and `share`; see `embeddedBinaries` for those of another major version. */
  readonly binaries?: string;
}

/**
 * What differs from PostgreSQL's defaults. `fsync=off` survives a killed server (the pages are the kernel's by
 * then), only not a power cut. Shared memory in files of the data directory goes away with it, also after SIGKILL.
 */
export const EMBEDDED_SETTINGS: Readonly<Record<string, string>> = {
  fsync: "off",
  dynamic_shared_memory_type: "mmap",
  listen_addresses: "127.0.0.1",
};

/** A PostgreSQL server that this process started. */
export interface EmbeddedServer {
  /** The superuser `postgres` in the database `postgres`, password included. */
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  /** The folder of `initdb`, `pg_ctl` and `postgres`. */
  readonly binDir: string;
  /** For example `18.4`. */
  readonly version: string;
  /** The postmaster's process id; undefined while the server is down. */
  readonly pid: number | undefined;
  /** A fast shutdown; a temporary data directory is removed. The server cannot be started again. */
  stop(): Promise<void>;
  /** A fast shutdown; the data stay for `start()`. */
  shutdown(): Promise<void>;
  /** SIGKILL to the postmaster and all its children, as in a crash; the data stay for `start()`. */
  kill(): Promise<void>;
  /** Starts the server again on the same data and port, and returns when it accepts connections. */
  start(): Promise<void>;
  /** The end of the server's log. */
  log(): string;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts PostgreSQL from npm's binaries: initdb and postgres directly, as root under uid 65534, without any system
 * user, wrapper or Docker. It listens on 127.0.0.1 only and asks for a random password. When this process ends in
 * whatever way, the server is stopped and its temporary folder removed.
 *
 * @throws {TestkitError} `no_binaries`; `server_failed` with the end of the server's log.
 */
export async function startEmbedded(options: EmbeddedOptions = {}): Promise<EmbeddedServer> {
  const account = serverAccount(options.dataDir);
  const binaries = runnableBinaries(options.binaries ?? embeddedBinaries(), account);
  const folder = mkdtempSync(join(temporaryRoot(account), "audit-testkit-"));
  giveTo(folder, account);
  const dataDir = options.dataDir ?? join(folder, "data");
  const watchdog = startWatchdog(dataDir, folder);
  const server = new Server(options, { account, binaries, folder, dataDir, watchdog });
  try {
    initialise(dataDir, binaries, account);
    await server.start();
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

interface Place {
  readonly account: Account;
  readonly binaries: Binaries;
  /** Holds the socket, the log and, where none was given, the data directory. */
  readonly folder: string;
  readonly dataDir: string;
  readonly watchdog: Watchdog;
}

class Server implements EmbeddedServer {
  readonly #options: EmbeddedOptions;
  readonly #place: Place;
  #port: number | undefined;
  #postmaster: ChildProcess | undefined;

  constructor(options: EmbeddedOptions, place: Place) {
    this.#options = options;
    this.#place = place;
    this.#port = options.port;
  }

  get port(): number {
    if (this.#port === undefined) throw new TestkitError("server_failed", "the server has no port before its start");
    return this.#port;
  }

  get url(): string {
    return `postgres://postgres:${superuserPassword(this.dataDir)}@127.0.0.1:${this.port}/postgres`;
  }

  get dataDir(): string {
    return this.#place.dataDir;
  }

  get binDir(): string {
    return this.#place.binaries.binDir;
  }

  get version(): string {
    return this.#place.binaries.version;
  }

  get pid(): number | undefined {
    return this.#postmaster?.pid;
  }

  async start(): Promise<void> {
    if (this.#postmaster !== undefined) return;
    // Between choosing a port and listening on it someone else can take it. A port that clients know already
    // cannot be exchanged for another: wait for it to become free.
    const isNew = this.#port === undefined;
    for (let attempt = 1; ; attempt++) {
      if (isNew) this.#port = await freePort();
      try {
        await this.#startOnce();
        return;
      } catch (error) {
        await this.kill();
        if (attempt === 20 || !/could not bind .* address/i.test(String(error))) throw error;
        await sleep(isNew ? 0 : 500);
      }
    }
  }

  async #startOnce(): Promise<void> {
    const { account, binaries, dataDir, folder, watchdog } = this.#place;
    const socketFolder = join(folder, "socket");
    mkdirSync(socketFolder, { recursive: true, mode: 0o700 });
    giveTo(socketFolder, account);
    // A socket's path has a hard limit of about 100 bytes, and a deep temporary folder would break the start.
    const sockets = process.platform === "win32" || socketFolder.length > 80 ? "" : socketFolder;
    const settings = { ...EMBEDDED_SETTINGS, unix_socket_directories: sockets, ...this.#options.settings };
    writeSettings(dataDir, settings, account);

    const log = openSync(this.#logFile, "w", 0o600);
    const postmaster = spawn(program(binaries, "postgres"), ["-D", dataDir, "-p", String(this.port)], {
      ...account,
      cwd: dataDir,
      env: serverEnvironment(),
      // Ctrl-C in a terminal goes to the whole foreground group; the server has to outlive our own clean-up.
      detached: true,
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    postmaster.unref();
    this.#postmaster = postmaster;
    let failure: Error | undefined;
    postmaster.once("error", (error) => (failure = error));
    if (postmaster.pid !== undefined) watchdog.run(postmaster.pid);
    postmaster.once("exit", () => {
      if (this.#postmaster !== postmaster) return;
      this.#postmaster = undefined;
      watchdog.idle();
    });
    await this.#untilReady(postmaster, () => failure);
  }

  async #untilReady(postmaster: ChildProcess, failure: () => Error | undefined): Promise<void> {
    let last: unknown;
    for (let i = 0; i < 2400; i++) {
      const cause = failure();
      if (cause !== undefined || hasEnded(postmaster)) throw this.#failed("PostgreSQL did not start", cause);
      const sql = postgres(this.url, { max: 1, connect_timeout: 5, fetch_types: false, onnotice: () => {} });
      try {
        await sql`select 1`;
        return;
      } catch (error) {
        last = error;
      } finally {
        await sql.end({ timeout: 1 });
      }
      await sleep(25);
    }
    throw this.#failed("PostgreSQL does not accept connections", last);
  }

  #failed(message: string, cause: unknown): TestkitError {
    const reason = cause instanceof Error ? ` (${cause.message})` : "";
    return new TestkitError("server_failed", `${message}${reason}; its log:\n${this.log()}`, { cause });
  }

  get #logFile(): string {
    return join(this.#place.folder, "log");
  }

  log(): string {
    try {
      return readFileSync(this.#logFile, "utf8").slice(-8000);
    } catch {
      return "";
    }
  }

  async kill(): Promise<void> {
    const postmaster = this.#postmaster;
    if (postmaster?.pid === undefined) return;
    const ended = untilEnded(postmaster);
    await killTree(postmaster.pid);
    await ended;
  }

  async shutdown(): Promise<void> {
    const postmaster = this.#postmaster;
    if (postmaster === undefined) return;
    const ended = untilEnded(postmaster).then(() => true);
    // SIGINT: a fast shutdown, which ends open sessions. What does not end in half a minute is killed.
    postmaster.kill("SIGINT");
    const isDown = await Promise.race([ended, sleep(30_000, false, { ref: false })]);
    if (!isDown) await this.kill();
  }

  async stop(): Promise<void> {
    await this.shutdown();
    rmSync(this.#place.folder, { recursive: true, force: true, maxRetries: 5 });
    this.#place.watchdog.done();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

const hasEnded = (child: ChildProcess): boolean =>
  child.pid === undefined || child.exitCode !== null || child.signalCode !== null;

function untilEnded(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (hasEnded(child)) {
      resolve();
      return;
    }
    // The child does not keep this process alive, but somebody waits for it now.
    child.ref();
    child.once("exit", () => resolve());
  });
}
