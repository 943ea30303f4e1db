import { parseDump } from "./dump.ts";
import type { Form } from "./parts.ts";
import { type Node, NodeTextError } from "./node-text.ts";
import { difference } from "./pattern.ts";
import { NoPlanError, PlanError } from "./plan-error.ts";
import { UnreadablePlanError } from "./plan-error.ts";

/** What the verifier reads of a notice (documentation, "Error and Notice Message Fields"). */
export interface NoticeFields {
  readonly severity?: string;
  readonly message?: string;
  readonly detail?: string;
  readonly routine?: string;
  /** The context: functions in which it was raised. */
  readonly where?: string;
}

/**
 * Takes the plans that the server sends of each statement that it plans (`debug_print_plan`), and holds them against what
 * was asked. They are written in C, past every function that somebody could have replaced.
 */
export class PlanReader {
  #form: Form | null = null;
  #plans = 0;
  /** Whether any plan has come yet. */
  #hasSome = false;
  #error: PlanError | null = null;
  #tree: Node | null = null;
  #unreadable: UnreadablePlanError | null = null;
  readonly #encoding: () => string;

  /** @param encoding the server's encoding */
  constructor(encoding: () => string) {
    this.#encoding = encoding;
  }

  /** What was wrong with a plan. */
  get error(): PlanError | null {
    return this.#error;
  }

  /** A statement is about to be sent. */
  expect(form: Form): void {
    this.#form = form;
    this.#plans = 0;
    this.#tree = null;
    this.#error = null;
    this.#unreadable = null;
  }

  /** A notice has come. */
  take(notice: NoticeFields): void {
    // A function can raise a notice with any text: it would have a context, and come from another routine.
    if (notice.routine !== "elog_node_display" || notice.severity !== "LOG" || notice.message !== "plan:") return;
    this.#plans++;
    this.#hasSome = true;
    const form = this.#form;
    const found =
      form === null
        ? "something is planned although nothing was asked"
        : this.#plans > 1
          ? "more is planned than was asked"
          : notice.where === undefined
            ? this.#compare(notice.detail ?? "", form)
            : "it is planned by a function";
    if (found !== null) this.#error ??= new PlanError(form?.statement ?? "", found);
  }

  /**
   * To be called before anything of an answer is believed, and again when all of it has come.
   *
   * @returns the plan
   * @throws {PlanError | UnreadablePlanError | NoPlanError}
   */
  check(): Node {
    if (this.#error !== null) throw this.#error;
    if (this.#unreadable !== null) throw this.#unreadable;
    if (this.#tree !== null) return this.#tree;
    throw this.#hasSome ? new PlanError(this.#form?.statement ?? "", "no plan was sent") : new NoPlanError();
  }

  /** @throws {PlanError} if something was planned that was not asked for */
  checkNone(): void {
    if (this.#error !== null) throw this.#error;
  }

  #compare(dump: string, form: Form): string | null {
    try {
      this.#tree = parseDump(dump, this.#encoding());
      return difference([this.#tree], form.plan, "");
    } catch (error) {
      if (!(error instanceof NodeTextError)) throw error;
      if (form.hasNames !== true) return `the plan cannot be read: ${error.message}`;
      this.#unreadable = new UnreadablePlanError(error.message);
      return null;
    }
  }
}
