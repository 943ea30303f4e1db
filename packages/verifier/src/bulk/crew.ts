import { Worker } from "node:worker_threads";
import type { Chunks } from "@scidex/audit-reader";
import type { TakeTags } from "./link-voucher.ts";
import { type FromWorker, type ToWorker, type Result, type Task, voucherFor } from "./task.ts";

/** Bytes that are sent to a worker at once. */
const BATCH_BYTES = 2 ** 18;
/** Batches that go back and forth with a worker: when it has all of them, the stream has to wait. */
const BATCHES = 4;
/** A worker makes no garbage to speak of: what it needs is its kernel's memory, which does not count here. */
const WORKER_LIMITS = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 256 };

/** Those who work on streams: `jobs` worker threads, or with one job this thread alone. */
export class Crew {
  readonly jobs: number;
  readonly #idle: Worker[] = [];
  readonly #all: Worker[] = [];
  #isClosed = false;

  constructor(jobs: number) {
    this.jobs = jobs;
  }

  /**
   * Reads a stream to its end, whatever becomes of the task: the driver cannot break off a COPY.
   *
   * @returns null where nobody can vouch for it
   */
  async run<T extends Task>(task: T, chunks: Chunks, tags: TakeTags): Promise<Result<T> | null> {
    return this.jobs === 1 ? await workHere(task, chunks, tags) : await this.#workThere(task, chunks, tags);
  }

  async #workThere<T extends Task>(task: T, chunks: Chunks, tags: TakeTags): Promise<Result<T> | null> {
    const worker = this.#idle.pop() ?? this.#hire();
    const station = new Station(worker, tags);
    try {
      station.send({ type: "task", task });
      let batch = await station.batch();
      let filled = 0;
      for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
        for (let rest: Uint8Array = next.value; rest.length > 0 && station.isGood;) {
          const part = rest.subarray(0, BATCH_BYTES - filled);
          batch.set(part, filled);
          filled += part.length;
          rest = rest.subarray(part.length);
          if (filled < BATCH_BYTES) continue;
          station.push(batch, filled);
          batch = await station.batch();
          filled = 0;
        }
      }
      station.push(batch, filled);
      const result = await station.finish();
      if (station.isAlive) this.#idle.push(worker);
      return result as Result<T> | null;
    } finally {
      station.leave();
    }
  }

  #hire(): Worker {
    const isSource = import.meta.url.endsWith(".ts");
    const worker = isSource
      ? new Worker(new URL("worker.ts", import.meta.url), { execArgv: ["--conditions=source"] })
      : new Worker(new URL("worker.js", import.meta.url), { resourceLimits: WORKER_LIMITS });
    this.#all.push(worker);
    // Where a connection is lost, work on the others may go on for a while after everybody was sent home.
    if (this.#isClosed) void worker.terminate();
    // One that dies while it has nothing to do is not waited for later.
    worker.on("error", () => {});
    worker.on("exit", () => {
      const at = this.#idle.indexOf(worker);
      if (at !== -1) this.#idle.splice(at, 1);
    });
    return worker;
  }

  /** Sends all of them home. Whoever is hired later vouches for nothing. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#all.map(async (worker) => await worker.terminate()));
  }
}

async function workHere<T extends Task>(task: T, chunks: Chunks, tags: TakeTags): Promise<Result<T> | null> {
  const voucher = voucherFor(task, tags);
  let isGood = true;
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next())
    if (isGood) isGood = voucher.push(next.value);
  return voucher.finish();
}

/** A worker while it has a task. */
class Station {
  readonly #worker: Worker;
  readonly #tags: TakeTags;
  readonly #free: Uint8Array<ArrayBuffer>[] = Array.from({ length: BATCHES }, () => new Uint8Array(BATCH_BYTES));
  #isGood = true;
  #result: { readonly value: unknown } | undefined;
  #isAlive = true;
  #wake: () => void = () => {};

  constructor(worker: Worker, tags: TakeTags) {
    this.#worker = worker;
    this.#tags = tags;
    worker.on("message", this.#hear).on("error", this.#fail).on("exit", this.#fail);
  }

  readonly #hear = (message: FromWorker): void => {
    if (message.type === "result") this.#result = { value: message.result };
    else {
      this.#isGood &&= message.isGood;
      this.#tags(message.bytes.subarray(0, message.tags));
      this.#free.push(message.bytes);
    }
    this.#wake();
  };

  /** A worker that cannot start (somebody has bundled this package into one file) or that dies vouches for nothing. */
  readonly #fail = (): void => {
    this.#isAlive = false;
    this.#isGood = false;
    this.#wake();
  };

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isGood(): boolean {
    return this.#isGood;
  }

  send(message: ToWorker): void {
    this.#worker.postMessage(message, message.type === "chunk" ? [message.bytes.buffer] : []);
  }

  /** Memory for the next batch, as soon as there is some. */
  async batch(): Promise<Uint8Array<ArrayBuffer>> {
    await this.#until(() => this.#free.length > 0);
    return this.#free.pop() ?? new Uint8Array(BATCH_BYTES);
  }

  push(bytes: Uint8Array<ArrayBuffer>, length: number): void {
    if (this.#isAlive) this.send({ type: "chunk", bytes, length });
  }

  async finish(): Promise<unknown> {
    this.send({ type: "end" });
    await this.#until(() => this.#result !== undefined);
    return this.#result?.value ?? null;
  }

  async #until(isDone: () => boolean): Promise<void> {
    while (!isDone() && this.#isAlive) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  leave(): void {
    this.#worker.off("message", this.#hear).off("error", this.#fail).off("exit", this.#fail);
  }
}
