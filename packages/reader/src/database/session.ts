import { connectionLoss } from "@scidex/audit-core";
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
import { NO_TRANSFORM, SETTINGS } from "./session-settings.ts";
import { Statements } from "./statements.ts";

/**
 * One connection of the verifier's own, opened as the caller's client would, on which nothing is run that was not read
 * before. It does one thing at a time. Whatever goes wrong, it is closed, and not used again.
 *
 * Commands whose answer says nothing are posted: they leave together with the next statement. Of hundreds of tables, waiting
 * for each answer took longer than reading the rows.
 */
export class Session {
  readonly #client: Sql;
  readonly #statements: Statements;
  readonly #plans = new PlanReader(() => this.parameters["server_encoding"] ?? "");
  readonly #loss = Promise.withResolvers<never>();
  /** The COPYs that were asked for last; undefined where one was refused. */
  #opening: Promise<OpenCopy | undefined>[] = [];
  #isClosing = false;
  #isLost = false;
  #timeout = "";
  /** What the time limit was at each savepoint. */
  readonly #timeouts: string[] = [];

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
    this.#statements = new Statements(this.#client, this.#plans);
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

  /** What forms may take from now on: rows of tables have the time of the whole verification. */
  #limit(forms: readonly Form[]): void {
    const isOfTables = forms.some(({ hasNames }) => hasNames === true);
    const setting = `set statement_timeout = ${isOfTables ? 0 : BOUNDS.catalogSeconds * 1000}`;
    if (setting === this.#timeout) return;
    this.post(setting);
    this.#timeout = setting;
  }

  /** Marks what `rollback` goes back to. */
  savepoint(name: string): void {
    this.#timeouts.push(this.#timeout);
    this.post(`savepoint ${name}`);
  }

  /** Gives up what was done since the last savepoint, of this name, and what was set. */
  rollback(name: string): void {
    this.#timeout = this.#timeouts.pop() ?? "";
    this.post(`rollback to savepoint ${name}; release savepoint ${name}`);
  }

  /** Runs commands that are not planned: SET, BEGIN, SAVEPOINT, LOCK. */
  async command(statement: string): Promise<void> {
    this.post(statement);
    await this.settle();
  }

  /** The same without waiting: where they fail, what is sent next fails with their error. */
  post(statement: string): void {
    this.#statements.post(statement);
  }

  /** Waits for the answers to all that was posted. */
  async settle(): Promise<void> {
    await this.#statements.settle();
  }

  /**
   * Streams what a form yields. It must be read to its end before the session is used again.
   *
   * @throws {PlanError | UnreadablePlanError} also while it is read
   */
  async copy(form: Form, format: "binary" | "text"): Promise<Chunks> {
    const [open] = this.#open([form], format);
    if (open === undefined) throw new Error("no COPY was asked for");
    return await open();
  }

  /** Streams what several forms yield, one after the other; `use` reads each to its end. All of them are sent at once. */
  async copyEach<T>(
    forms: readonly Form[],
    format: "binary" | "text",
    use: (chunks: Chunks, i: number) => Promise<T>,
  ): Promise<T[]> {
    const results: T[] = [];
    for (const [i, open] of this.#open(forms, format).entries()) results.push(await use(await open(), i));
    return results;
  }

  /** Sends forms, whose streams come in their order. */
  #open(forms: readonly Form[], format: "binary" | "text"): (() => Promise<OpenCopy>)[] {
    this.#limit(forms);
    const opening = forms.map((form) => {
      const { pending, expected } = this.#statements.send(
        `copy (${form.statement}) to stdout (format ${format})`,
        form,
      );
      return { expected, copy: openCopy(pending, () => expected.check()) };
    });
    this.#opening = opening.map(async ({ copy }) => await copy.catch(() => undefined));
    return opening.map(({ expected, copy }) => async () => {
      const open = await this.#statements.answer(copy);
      expected.check();
      return open;
    });
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

  /** The plans that the server makes of forms, which are not run. All of them are sent at once. */
  async plansOf(forms: readonly Form[]): Promise<Node[]> {
    const sent = forms.map((form) => this.#statements.send(`explain ${form.statement}`, form));
    await this.#statements.answer(Promise.all(sent.map(({ pending }) => pending)));
    return sent.map(({ expected }) => expected.check());
  }

  /** What a form of those that report a value reports. */
  async report(form: Form): Promise<string> {
    this.post("set application_name = ''");
    this.#limit([form]);
    const { pending, expected } = this.#statements.send(form.statement, form);
    await this.#statements.answer(pending);
    expected.check();
    const value = this.parameters["application_name"] ?? "";
    // Operators know the verifier's sessions by the name that it connected with.
    this.post("reset application_name");
    return value;
  }

  /** Reads what is left of COPYs that somebody has left in the middle, or has asked for and not begun. */
  async finishCopies(): Promise<void> {
    // In their order: one comes when those before it have been read.
    for (const opening of this.#opening.splice(0)) await (await opening)?.drain();
  }

  /** Ends the connection, whatever is going on. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#client.end({ timeout: 0 });
  }
}
