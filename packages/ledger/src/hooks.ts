import { hashAnyContent } from "./event/any-content.ts";
import { appendEvent } from "./append.ts";
import { LedgerError } from "./errors.ts";
import type { LedgerEvent, NewEvent, Operation } from "./event/event.ts";
import { type LedgerSource, openLedger } from "./store/ledger.ts";
import { LedgerSecrets } from "./event/secrets.ts";

/** What an agent runtime knows of one step. Input and output are hashed and never stored. */
export interface HookStep {
  /** Default: the agent that the hooks were made for. */
  readonly agent_id?: string;
  /** Default: the session that the hooks were made for. */
  readonly session_id?: string;
  /** Anything at all: see `hashAnyContent`. */
  readonly input?: unknown;
  readonly output?: unknown;
  /** The model, or the tool's name. */
  readonly model_used?: string | null;
  readonly human_oversight_flag?: boolean;
  readonly risk_flag?: boolean;
}

export interface HookOptions {
  readonly agent_id: string;
  /** Default: empty. */
  readonly session_id?: string;
  /** An open ledger, or where it is. Default: `AUDIT_LEDGER_DB`, opened at the first event. */
  readonly db?: LedgerSource | string;
  /** Default: from the environment at each event, so that a missing secret is a failure like any other. */
  readonly secrets?: LedgerSecrets;
  /** True: a step that cannot be recorded throws, for those who must not act unrecorded. Default false. */
  readonly failClosed?: boolean;
  /** Where failures are told. Default: one line to stderr. What it throws is ignored. */
  readonly log?: (message: string, error: unknown) => void;
  /** Microseconds since the Unix epoch. */
  readonly clock?: () => bigint;
}

/**
 * Records an agent's steps from inside its runtime.
 *
 * By default no method throws or rejects: a failure is logged and counted, and the method gives null. Events are written in
 * the order of the calls, awaited or not; a failed one does not hold up those after it.
 *
 * @example
 * const hooks = new LedgerHooks({ agent_id: "reviewer-1", session_id: conversation });
 * await hooks.onTaskStart({ input: task });
 * await hooks.onToolCall({ model_used: "search", input: query, output: hits });
 * await hooks.onTaskEnd({ output: answer, human_oversight_flag: true });
 * await hooks.close();
 */
export class LedgerHooks {
  readonly #options: HookOptions;
  readonly #defaults: { readonly agent_id: string; readonly session_id: string };
  #source: LedgerSource | null;
  #opened: { close(): Promise<void> } | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #recorded = 0;
  #failures = 0;

  constructor(options: HookOptions) {
    this.#options = options;
    this.#defaults = { agent_id: options.agent_id, session_id: options.session_id ?? "" };
    this.#source = typeof options.db === "object" ? options.db : null;
  }

  /** How many events have been written. */
  get recorded(): number {
    return this.#recorded;
  }

  /** How many events could not be written. More than 0 means that the ledger has gaps that no verification can see. */
  get failures(): number {
    return this.#failures;
  }

  /** An agent takes up a task. */
  onTaskStart(step: HookStep = {}): Promise<LedgerEvent | null> {
    return this.#record("task_start", step);
  }

  /** A model was called; `model_used` is the model. */
  onLlmCall(step: HookStep = {}): Promise<LedgerEvent | null> {
    return this.#record("llm_call", step);
  }

  /** A tool was called; `model_used` is the tool's name. */
  onToolCall(step: HookStep = {}): Promise<LedgerEvent | null> {
    return this.#record("tool_call", step);
  }

  /** The task has ended. */
  onTaskEnd(step: HookStep = {}): Promise<LedgerEvent | null> {
    return this.#record("task_end", step);
  }

  /** Waits for every event that has been handed over so far. */
  async flush(): Promise<void> {
    await this.#last;
  }

  /** Waits for the events and closes the ledger if the hooks opened it. */
  async close(): Promise<void> {
    await this.flush();
    const opened = this.#opened;
    this.#opened = null;
    if (opened === null) return;
    this.#source = null;
    await opened.close();
  }

  async #record(operation: Operation, step: HookStep): Promise<LedgerEvent | null> {
    let event: NewEvent;
    try {
      // Hashed before anything is awaited: the runtime may go on changing what it handed over.
      event = this.#eventOf(operation, step);
    } catch (error) {
      return this.#failed(operation, error);
    }
    const written = this.#last.then(() => this.#write(event));
    // The queue goes on whatever becomes of this event.
    this.#last = written.catch(() => undefined);
    try {
      const recorded = await written;
      this.#recorded += 1;
      return recorded;
    } catch (error) {
      return this.#failed(operation, error);
    }
  }

  #eventOf(operation: Operation, step: HookStep): NewEvent {
    // Member by member: a runtime without types may hand over undefined, or more than it should.
    return {
      agent_id: step.agent_id ?? this.#defaults.agent_id,
      session_id: step.session_id ?? this.#defaults.session_id,
      operation,
      input_hash: hashAnyContent(step.input),
      output_hash: hashAnyContent(step.output),
      model_used: step.model_used ?? null,
      human_oversight_flag: step.human_oversight_flag ?? false,
      risk_flag: step.risk_flag ?? false,
    };
  }

  async #write(event: NewEvent): Promise<LedgerEvent> {
    const { clock, db, secrets = LedgerSecrets.fromEnvironment(process.env) } = this.#options;
    if (this.#source === null) {
      const opened = openLedger(typeof db === "string" ? db : undefined);
      this.#opened = opened;
      this.#source = opened;
    }
    return appendEvent(this.#source, event, clock === undefined ? { secrets } : { secrets, clock });
  }

  #failed(operation: Operation, error: unknown): null {
    this.#failures += 1;
    if (this.#options.failClosed === true) throw error;
    const what = error instanceof LedgerError ? error.message : "an unexpected error";
    const message = `audit ledger: ${operation} was not recorded: ${what}`;
    try {
      if (this.#options.log === undefined) process.stderr.write(`${message}\n`);
      else this.#options.log(message, error);
    } catch {
      // A log that fails must not stop the agent either.
    }
    return null;
  }
}
