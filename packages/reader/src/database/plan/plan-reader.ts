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
 *
 * Several statements may have been sent. The server runs one after the other, and says when it has done with each: a plan
 * belongs to the first that has not ended.
 */
export class PlanReader {
  readonly #expected: ExpectedPlan[] = [];
  /** Whether any plan has come yet. */
  #hasSome = false;
  #error: PlanError | null = null;
  readonly #encoding: () => string;

  /** @param encoding the server's encoding */
  constructor(encoding: () => string) {
    this.#encoding = encoding;
  }

  /** What was wrong with a plan, the first time. */
  get error(): PlanError | null {
    return this.#error;
  }

  /**
   * A statement is about to be sent, behind those that have not ended yet.
   *
   * @param form null for a command, which is not planned
   */
  expect(form: Form | null): ExpectedPlan {
    const expected = new ExpectedPlan(form, () => this.#hasSome);
    this.#expected.push(expected);
    return expected;
  }

  /** The server has done with a statement. */
  end(expected: ExpectedPlan): void {
    const at = this.#expected.indexOf(expected);
    if (at !== -1) this.#expected.splice(at, 1);
  }

  /** A notice has come. */
  take(notice: NoticeFields): void {
    // A function can raise a notice with any text: it would have a context, and come from another routine.
    if (notice.routine !== "elog_node_display" || notice.severity !== "LOG" || notice.message !== "plan:") return;
    this.#hasSome = true;
    const [expected] = this.#expected;
    if (expected === undefined) this.#error ??= new PlanError("", NOTHING_ASKED);
    else {
      expected.take(notice, this.#encoding());
      this.#error ??= expected.error;
    }
  }
}

const NOTHING_ASKED = "something is planned although nothing was asked";

/** A statement that was sent, with the one plan that the server may make of it. */
export class ExpectedPlan {
  readonly #form: Form | null;
  readonly #hasSome: () => boolean;
  #plans = 0;
  #error: PlanError | null = null;
  #tree: Node | null = null;
  #unreadable: UnreadablePlanError | null = null;

  /** @param hasSome whether the session has sent any plan yet */
  constructor(form: Form | null, hasSome: () => boolean) {
    this.#form = form;
    this.#hasSome = hasSome;
  }

  /** What was wrong with its plan. */
  get error(): PlanError | null {
    return this.#error;
  }

  /** A plan has come. */
  take(notice: NoticeFields, encoding: string): void {
    this.#plans++;
    const form = this.#form;
    const found =
      form === null
        ? NOTHING_ASKED
        : this.#plans > 1
          ? "more is planned than was asked"
          : notice.where === undefined
            ? this.#compare(notice.detail ?? "", form, encoding)
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
    throw this.#hasSome() ? new PlanError(this.#form?.statement ?? "", "no plan was sent") : new NoPlanError();
  }

  #compare(dump: string, form: Form, encoding: string): string | null {
    try {
      this.#tree = parseDump(dump, encoding);
      return difference([this.#tree], form.plan, "");
    } catch (error) {
      if (!(error instanceof NodeTextError)) throw error;
      if (form.hasNames !== true) return `the plan cannot be read: ${error.message}`;
      this.#unreadable = new UnreadablePlanError(error.message);
      return null;
    }
  }
}
