import { connectionLoss, TEXT_SETTINGS } from "@scidex/audit-core";
import postgres, { type Sql } from "postgres";
import { BOUNDS } from "./bounds.ts";
import { BinaryCopyDecoder, type Field } from "./copy/copy-binary.ts";
import { copySockets } from "./copy/copy-socket.ts";
import type { Chunks } from "./copy/open-copy.ts";
import { type OpenCopy, openCopy } from "./copy/open-copy.ts";
import type { Node } from "./plan/node-text.ts";
import type { Form } from "./plan/parts.ts";
import type { PlanError } from "./plan/plan-error.ts";
import { PlanReader } from "./plan/plan-reader.ts";

/** Text of each value as capture hashes it (ARCHITECTURE.md, "Row payload"), and plans as the forms have them. */
const SETTINGS = [
  "standard_conforming_strings = on",
  ...TEXT_SETTINGS,
  "row_security = off",
  "client_encoding = 'UTF8'",
  // Each plan is sent before it is run: see plan/.
  "debug_print_parse = off",
  "debug_print_rewritten = off",
  "debug_pretty_print = off",
  "debug_print_plan = on",
  "client_min_messages = log",
  // Rows come from sequential scans, from their beginning: an index can be made to lie.
  "synchronize_seqscans = off",
  "enable_seqscan = on",
  "enable_indexscan = off",
  "enable_indexonlyscan = off",
  "enable_bitmapscan = off",
  "constraint_exclusion = off",
  "max_parallel_workers_per_gather = 0",
  "jit = off",
  "idle_in_transaction_session_timeout = 0",
  // A table that is being rewritten is `unproven` this time, and never waited for: behind us, writers would queue up.
  "lock_timeout = '2s'",
];

const NO_TRANSFORM = {
  undefined: undefined,
  column: { from: undefined, to: undefined },
  value: { from: undefined, to: undefined },
  row: { from: undefined, to: undefined },
};

/**
 * One connection of the verifier's own, opened as the caller's client would, on which nothing is run that was not read
 * before. It does one thing at a time. Whatever goes wrong, it is closed, and not used again.
 */
export class Session {
  readonly #client: Sql;
  readonly #plans = new PlanReader(() => this.parameters["server_encoding"] ?? "");
  readonly #loss = Promise.withResolvers<never>();
  #copy: OpenCopy | undefined;
  #opening: Promise<unknown> = Promise.resolve();
  #isClosing = false;
  #isLost = false;
  #timeout = "";

  /** @param options the parsed options of the caller's client */
  private constructor(options: Sql["options"]) {
    this.#loss.promise.catch(() => {});
    this.#client = postgres({
      ...options,
      max: 1,
      prepare: false,
      // The driver would ask for types by a statement of its own.
      fetch_types: false,
      target_session_attrs: undefined,
      idle_timeout: null,
      max_lifetime: null,
      // Under TLS the driver's own: there rows come one by one.
      ...(options.ssl || ("socket" in options && options.socket !== undefined) ? {} : { socket: copySockets(options) }),
      transform: NO_TRANSFORM,
      parameters: {},
      shared: { retries: 0, typeArrayMap: {} },
      onnotice: (notice: object) => {
        this.#plans.take(notice);
        if (this.#plans.error !== null) this.#fail(this.#plans.error);
      },
      onparameter: undefined,
      onclose: () => {
        this.#isLost = true;
        if (!this.#isClosing)
          this.#loss.reject(Object.assign(new Error("the connection was lost"), { code: "CONNECTION_CLOSED" }));
      },
    } as unknown as postgres.Options<Record<string, never>>);
  }

  /** What is run is not what was asked for: nothing more is sent or read. */
  #fail(error: PlanError): void {
    this.#loss.reject(error);
    void this.close();
  }

  /**
   * Connects, and clears away whatever the login has left in the session.
   *
   * @param ended rejects where it is to be broken off
   */
  static async open(options: Sql["options"], ended?: Promise<never>): Promise<Session> {
    const session = new Session(options);
    try {
      await Promise.race([session.#setUp(), session.lost, ...(ended === undefined ? [] : [ended])]);
      return session;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  async #setUp(): Promise<void> {
    await this.command("discard all");
    await this.command(SETTINGS.map((setting) => `set ${setting}`).join("; "));
    // Since PostgreSQL 17; a database can have set it to less than a verification takes.
    if (this.majorVersion >= 17) await this.command("set transaction_timeout = 0");
    // The server's own log gets all that is sent to us, unless we may say otherwise (GRANT SET ON PARAMETER).
    await this.command("set log_min_messages = fatal").catch((error: unknown) => {
      if (connectionLoss(error) !== undefined) throw error;
    });
  }

  /** What the server reports of itself (documentation, "Asynchronous Operations"): `server_version`, `in_hot_standby`, … */
  get parameters(): Readonly<Record<string, string | undefined>> {
    return this.#client.parameters as Readonly<Record<string, string | undefined>>;
  }

  /** The database's name. */
  get database(): string {
    return this.#client.options.database;
  }

  /** The major version. */
  get majorVersion(): number {
    return Number.parseInt(this.parameters["server_version"] ?? "", 10);
  }

  /** Rejects when the connection is lost, or ended because of a plan. */
  get lost(): Promise<never> {
    return this.#loss.promise;
  }

  /** Whether it can still be used. */
  get isOpen(): boolean {
    return !this.#isClosing && !this.#isLost;
  }

  /** What a form may take from now on: rows of tables have the time of the whole verification. */
  async #limit({ hasNames }: Form): Promise<void> {
    const setting = `set statement_timeout = ${hasNames === true ? 0 : BOUNDS.catalogSeconds * 1000}`;
    if (setting === this.#timeout) return;
    await this.command(setting);
    this.#timeout = setting;
  }

  /** Gives up what was done since a savepoint, and what was set. */
  async rollback(savepoint: string): Promise<void> {
    this.#timeout = "";
    await this.command(`rollback to savepoint ${savepoint}; release savepoint ${savepoint}`);
  }

  /** Runs commands that are not planned: SET, BEGIN, SAVEPOINT, LOCK. */
  async command(statement: string): Promise<void> {
    await this.#client.unsafe(statement).simple();
    this.#plans.checkNone();
  }

  /**
   * Streams what a form yields. It must be read to its end before the session is used again.
   *
   * @throws {PlanError | UnreadablePlanError} also while it is read
   */
  async copy(form: Form, format: "binary" | "text"): Promise<Chunks> {
    const open = async () => {
      await this.#limit(form);
      this.#plans.expect(form);
      const pending = this.#client.unsafe(`copy (${form.statement}) to stdout (format ${format})`);
      this.#copy = await openCopy(pending, () => this.#plans.check());
      this.#plans.check();
      return this.#copy;
    };
    const opening = open();
    this.#opening = opening.catch(() => {});
    return await opening;
  }

  /** The rows of a form, decoded one by one. */
  async rows<T>(form: Form, fields: number, decode: (fields: readonly Field[]) => T | null): Promise<T[]> {
    const chunks = await this.copy(form, "binary");
    const decoder = new BinaryCopyDecoder(fields);
    const rows: T[] = [];
    for (;;) {
      const { done, value } = await chunks.next();
      if (done === true) return rows;
      decoder.push(value, (row) => {
        const decoded = decode(row);
        if (decoded !== null) rows.push(decoded);
      });
    }
  }

  /** The plan that the server makes of a form, which is not run. */
  async planOf(form: Form): Promise<Node> {
    this.#plans.expect(form);
    await this.#client.unsafe(`explain ${form.statement}`).simple();
    return this.#plans.check();
  }

  /** What a form of those that report a value reports. */
  async report(form: Form): Promise<string> {
    await this.command("set application_name = ''");
    await this.#limit(form);
    this.#plans.expect(form);
    await this.#client.unsafe(form.statement).simple();
    this.#plans.check();
    const value = this.parameters["application_name"] ?? "";
    // Operators know the verifier's sessions by the name that it connected with.
    await this.command("reset application_name");
    return value;
  }

  /** Reads what is left of a COPY that somebody has left in the middle, or has asked for and not begun. */
  async finishCopy(): Promise<void> {
    await this.#opening;
    await this.#copy?.drain();
    this.#copy = undefined;
  }

  /** Ends the connection, whatever is going on. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#client.end({ timeout: 0 });
  }
}
