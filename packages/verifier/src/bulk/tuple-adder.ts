import { sameBytes } from "@scidex/audit-core";
import { COPY_HEADER } from "@scidex/audit-reader";
import { Kernel } from "./kernel.ts";

/** Tuples of a binary COPY to be added up. It can be sent to a worker. */
export interface TuplesTask {
  /** The same for streams that are compared. */
  readonly tagKey: Uint8Array;
}

/** The sum of the tags of all tuples of a stream: the same for the same ones, in whatever order they come. */
export interface TupleSum {
  readonly tuples: bigint;
  readonly sum0: bigint;
  readonly sum1: bigint;
}

/** Whether both were added up, to the same. */
export const isSameSum = (a: TupleSum | null, b: TupleSum | null): boolean =>
  a !== null && b !== null && a.tuples === b.tuples && a.sum0 === b.sum0 && a.sum1 === b.sum1;

/** Takes a tuple's tag, and its fields: each behind its length. Valid during the call. */
export type TakeTuple = (tag: bigint, fields: Buffer) => void;

const AT_END = 1;
const IS_FULL = 3;

/** How far a stream was taken: up to which address, and whether it is at its end, or not what it must be. */
export interface Taken {
  readonly at: number;
  readonly isEnded: boolean;
  readonly isGood: boolean;
}

/** The bytes of a binary COPY in the kernel's memory, as far as they are not taken yet. */
export class TupleStream {
  readonly #kernel: Kernel;
  readonly #take: (at: number, end: number) => Taken;
  #isGood = true;
  #isStarted = false;
  #isEnded = false;
  #held = 0;

  /** @param take takes the whole tuples between two addresses */
  constructor(kernel: Kernel, take: (at: number, end: number) => Taken) {
    this.#kernel = kernel;
    this.#take = take;
  }

  /** Whether all has come, as it must be. */
  get isWhole(): boolean {
    return this.#isGood && this.#isEnded;
  }

  /** Takes the next bytes. False where they are none, or a tuple is longer than all the room there is. */
  push(chunk: Uint8Array): boolean {
    const { raw, bytes } = this.#kernel;
    const start = raw.INPUT.value;
    for (let from = 0; from < chunk.length && this.#isGood;) {
      const part = chunk.subarray(from, from + raw.INPUT_BYTES.value - this.#held);
      if (part.length === 0) this.#isGood = false;
      bytes.set(part, start + this.#held);
      this.#held += part.length;
      from += part.length;
      const end = start + this.#held;
      const at = this.#work(start, end);
      bytes.copyWithin(start, at, end);
      this.#held = end - at;
    }
    return this.#isGood;
  }

  /** Returns the address up to which everything is taken. */
  #work(start: number, end: number): number {
    let at = start;
    if (!this.#isStarted) {
      if (this.#held < COPY_HEADER.length) return at;
      at += COPY_HEADER.length;
      if (!sameBytes(this.#kernel.bytes.subarray(start, at), COPY_HEADER)) this.#isGood = false;
      this.#isStarted = true;
    }
    if (this.#isGood && !this.#isEnded) {
      const taken = this.#take(at, end);
      ({ at } = taken);
      this.#isEnded = taken.isEnded;
      this.#isGood = taken.isGood;
    }
    // Nothing may follow the end.
    if (this.#isEnded && at !== end) this.#isGood = false;
    return at;
  }
}

/**
 * Adds up the tuples of a binary COPY: of each its fields, lengths included, as a keyed tag of 128 bits (kernel/tag.ts), both
 * halves modulo 2^64. Nobody who does not know the key can make another set of tuples with the same sum but by chance.
 */
export class TupleAdder {
  readonly #kernel: Kernel;
  readonly #stream: TupleStream;

  /**
   * @param skipped bytes at the beginning of each tuple that are not tagged
   * @param take called with each tuple, where they are to be told apart
   */
  constructor({ tagKey }: TuplesTask, skipped = 0, take?: TakeTuple) {
    this.#kernel = new Kernel(tagKey);
    this.#stream = new TupleStream(this.#kernel, (from, end) => {
      const { raw } = this.#kernel;
      let at = from;
      let isFull = true;
      while (isFull) {
        const before = at;
        at = raw.addTuples(at, end, skipped, take === undefined ? raw.MAX_ROWS.value : 1);
        isFull = raw.tuplesStopped.value === IS_FULL;
        if (!isFull || take === undefined) continue;
        const memory = Buffer.from(raw.memory.buffer);
        take(memory.readBigUInt64LE(raw.TAGS.value), memory.subarray(before + 2, at));
      }
      return { at, isEnded: raw.tuplesStopped.value === AT_END, isGood: true };
    });
  }

  /** Takes the next bytes of the COPY. False where they are none, or a tuple is longer than all the room there is. */
  push(chunk: Uint8Array): boolean {
    return this.#stream.push(chunk);
  }

  /** The sum, once the whole COPY has come; null where it broke off, or could not be taken. */
  finish(): TupleSum | null {
    if (!this.#stream.isWhole) return null;
    const { tuples, tupleSum0, tupleSum1 } = this.#kernel.raw;
    const sum = { tuples: unsigned(tuples.value), sum0: unsigned(tupleSum0.value), sum1: unsigned(tupleSum1.value) };
    this.#kernel.release();
    return sum;
  }
}

const unsigned = (value: bigint): bigint => BigInt.asUintN(64, value);
