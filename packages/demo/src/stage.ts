import { randomBytes } from "node:crypto";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EmbeddedServer, startEmbedded } from "@scidex/audit-testkit";
import postgres, { type Sql } from "postgres";
import { type Application, application, type Ended, type Executables } from "./applications.ts";
import { CONNECTIONS } from "./rows.ts";

/** The log's name in the demo. */
export const ORIGIN = "demo.scidex.example/audit-chain";

type Login = "superuser" | "app" | "publisher" | "inspector";

/** What a stage is set with. */
export interface StageOptions {
  readonly executables: Executables;
  /** The server's port on 127.0.0.1; default: a free one. */
  readonly port?: number | undefined;
  /** Ends what is running. */
  readonly signal: AbortSignal;
}

/** A server of the demo's own, with a database, logins, and a folder that stands for the world outside of it. */
export class Stage implements AsyncDisposable {
  readonly server: EmbeddedServer;
  readonly folder: string;
  /** The attacker: a superuser. One session, so that what he sets stays set. */
  readonly superuser: Sql;
  /** The platform's services: an ordinary login without any right on the chain. */
  readonly app: Sql;
  readonly #urls: Readonly<Record<Login, string>>;
  readonly #executables: Executables;
  readonly #signal: AbortSignal;
  /** What a verifier is given: verifier keys, sinks and policy, and no secret. */
  #trust: Readonly<Record<string, string>> = {};

  private constructor(server: EmbeddedServer, folder: string, urls: Record<Login, string>, options: StageOptions) {
    this.server = server;
    this.folder = folder;
    this.#urls = urls;
    this.#executables = options.executables;
    this.#signal = options.signal;
    this.superuser = postgres(urls.superuser, { max: 1, onnotice: () => {} });
    this.app = postgres(urls.app, { max: CONNECTIONS, onnotice: () => {} });
  }

  /** Starts the server and makes what stands around it. */
  static async set(options: StageOptions): Promise<Stage> {
    const { port } = options;
    const server = await startEmbedded(port === undefined ? {} : { port });
    try {
      const folder = await mkdtemp(join(tmpdir(), "audit-chain-demo-"));
      await chmod(folder, 0o700);
      for (const sink of ["sink-1", "sink-2"]) await mkdir(join(folder, sink));
      return new Stage(server, folder, await createLogins(server.url), options);
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  get sinks(): string[] {
    return ["sink-1", "sink-2"].map((sink) => `file:${join(this.folder, sink, "head.log").replaceAll(",", "%2C")}`);
  }

  get #keyFile(): string {
    return join(this.folder, "publisher.key");
  }

  /** Each application is compiled once, though it is started several times. */
  get #compiled(): Readonly<Record<string, string>> {
    return { NODE_COMPILE_CACHE: join(this.folder, "compiled") };
  }

  /** Gives the roles of the chain to the logins that need them; they exist once `init` has run. */
  async grantRoles(): Promise<void> {
    await this.superuser`grant scidex_audit_publisher to demo_publisher`;
    await this.superuser`grant scidex_audit_inspector to demo_inspector`;
  }

  /** Makes the publisher's keys. What a verifier needs of them is printed by keygen. */
  async makeKeys(): Promise<void> {
    const { stdout } = await this.run("audit-chain", ["keygen", "--name", ORIGIN, "--out", this.#keyFile]);
    this.#trust = {
      AUDIT_ORIGIN: ORIGIN,
      AUDIT_SINKS: this.sinks.join(","),
      AUDIT_VERIFIER_KEYS: stdout.trim().split("\n").join(","),
    };
  }

  /** Pins what is covered now as the verifier's policy. */
  async pinPolicy(): Promise<void> {
    const { stdout } = await this.run("audit-chain", ["policy"], { AUDIT_ORIGIN: ORIGIN });
    const file = join(this.folder, "policy.json");
    await writeFile(file, stdout);
    this.#trust = { ...this.#trust, AUDIT_POLICY: file };
  }

  /** Runs an application as the one who set the database up. */
  run(name: Application, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
    return application(name, args, {
      executables: this.#executables,
      env: { ...this.#compiled, AUDIT_DATABASE_URL: this.#urls.superuser, ...env },
      signal: this.#signal,
    });
  }

  /** Signs the head, as the publisher, who alone has the keys. */
  publish(): Promise<Ended> {
    return this.run("audit-publisher", ["publish", "--json"], {
      AUDIT_DATABASE_URL: this.#urls.publisher,
      AUDIT_SIGNING_KEY_FILE: this.#keyFile,
      AUDIT_SINKS: this.sinks.join(","),
    });
  }

  /** Verifies in a process of its own, as the inspector role, with the public keys only. */
  verify(): Promise<Ended> {
    return application("audit-verify", ["--json"], {
      executables: this.#executables,
      env: { ...this.#compiled, ...this.#trust, AUDIT_DATABASE_URL: this.#urls.inspector },
      signal: this.#signal,
      // Without a report there is no verdict, not even "unproven".
      accept: ({ exit, stdout }) => exit !== null && stdout.startsWith('{"status"'),
    });
  }

  /**
   * Writes the variables for looking around (`--keep`) to a file, mode 0600: passwords are not printed.
   *
   * @returns its path
   */
  async writeEnvironment(): Promise<string> {
    const file = join(this.folder, "demo.env");
    const variables = {
      ...this.#trust,
      AUDIT_DATABASE_URL: this.#urls.superuser,
      AUDIT_SIGNING_KEY_FILE: this.#keyFile,
    };
    const lines = Object.entries(variables).map(([name, value]) => `export ${name}='${value}'\n`);
    await writeFile(file, lines.join(""), { mode: 0o600 });
    return file;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.superuser.end({ timeout: 1 }), this.app.end({ timeout: 1 })]);
    await this.server.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A database `scidex`, and a login for each part that somebody plays. */
async function createLogins(url: string): Promise<Record<Login, string>> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  const loginUrl = (name: string, password: string): string => {
    const changed = new URL(url);
    changed.pathname = "/scidex";
    changed.username = name;
    changed.password = password;
    return changed.href;
  };
  try {
    await sql`create database scidex`;
    const create = async (name: string): Promise<string> => {
      const password = randomBytes(16).toString("hex");
      await sql.unsafe(`create role ${name} login password '${password}'`);
      return loginUrl(name, password);
    };
    const own = new URL(url);
    return {
      superuser: loginUrl(own.username, own.password),
      app: await create("demo_app"),
      publisher: await create("demo_publisher"),
      inspector: await create("demo_inspector"),
    };
  } finally {
    await sql.end({ timeout: 1 });
  }
}
