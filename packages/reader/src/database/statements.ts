import { Readable } from "node:stream";
import type { Sql } from "postgres";
import type { Form } from "./plan/parts.ts";
import type { PlanReader } from "./plan/plan-reader.ts";

/**
 * The statements of one connection, which the server answers in their order. Each comes with the plan that it must have;
 * several can be under way.
 */
export class Statements {
  readonly #client: Sql;
  readonly #plans: PlanReader;
  /** Until all that was posted has been answered. */
  #posted: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;

  /** @param client with one connection */
  constructor(client: Sql, plans: PlanReader) {
    this.#client = client;
    this.#plans = plans;
  }

  /**
   * Sends a command, which is not planned, and does not wait for its answer. Where it fails, what is sent next fails with
   * its error.
   */
  post(command: string): void {
    const { pending } = this.send(command, null);
    const answered = async (): Promise<void> => {
      try {
        await pending;
      } catch (error) {
        this.#failure ??= { error };
      }
    };
    this.#posted = answered();
  }

  /** Waits for the answers to all that was posted. */
  async settle(): Promise<void> {
    await this.#posted;
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure.error;
    if (this.#plans.error !== null) throw this.#plans.error;
  }

  /** An answer, once that to all that was posted before is there: what failed there makes this one fail. */
  async answer<T>(answer: Promise<T>): Promise<T> {
    const [result] = await Promise.allSettled([answer]);
    await this.settle();
    if (result.status === "rejected") throw result.reason;
    return result.value;
  }

  /** Sends a statement behind those that are under way. */
  send(statement: string, form: Form | null) {
    const expected = this.#plans.expect(form);
    const pending = this.#client.unsafe(statement).simple();
    // Called by the driver when the server is ready for the next statement, before it reads what comes of that.
    const hand = pending as unknown as Record<"resolve" | "reject", (value: unknown) => void>;
    const { resolve, reject } = hand;
    hand.resolve = (value) => {
      if (!(value instanceof Readable)) this.#plans.end(expected);
      resolve(value);
    };
    hand.reject = (error) => {
      this.#plans.end(expected);
      reject(error);
    };
    // In the order in which they are asked for, whoever waits for them first.
    void pending.execute();
    return { pending, expected };
  }
}
