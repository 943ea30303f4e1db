import { sameBytes } from "@scidex/audit-core";
import { COPY_HEADER } from "@scidex/audit-reader";
import { Kernel, type KeySum } from "./kernel.ts";

/** Keys of events in the order of an index. It can be sent to a worker. */
export interface KeysTask {
  readonly tagKey: Uint8Array;
}

const AT_END = 1;
const CANNOT_VOUCH = 4;

/** Vouches that each key of a binary COPY of kind and key is higher than the one before, so that none is there twice; and adds them up. */
export class KeyVoucher {
  readonly #kernel: Kernel;
  #isGood = true;
  #isStarted = false;
  #isEnded = false;
  #held = 0;

  constructor({ tagKey }: KeysTask) {
    this.#kernel = new Kernel(tagKey);
  }

  /** Takes the next bytes of the COPY. False as soon as it cannot vouch. */
  push(chunk: Uint8Array): boolean {
    const { raw, bytes } = this.#kernel;
    const start = raw.INPUT.value;
    for (let from = 0; from < chunk.length && this.#isGood;) {
      const part = chunk.subarray(from, from + raw.INPUT_BYTES.value - this.#held);
      if (part.length === 0 || this.#isEnded) this.#isGood = false;
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
    const { raw, bytes } = this.#kernel;
    let at = start;
    if (!this.#isStarted) {
      if (end - start < COPY_HEADER.length) return at;
      at += COPY_HEADER.length;
      if (!sameBytes(bytes.subarray(start, at), COPY_HEADER)) this.#isGood = false;
      this.#isStarted = true;
    }
    if (!this.#isGood) return at;
    at = raw.addKeys(at, end);
    this.#isEnded = raw.keysStopped.value === AT_END;
    // Nothing may follow the end.
    if (raw.keysStopped.value === CANNOT_VOUCH || (this.#isEnded && at !== end)) this.#isGood = false;
    return at;
  }

  /** The sum, once the whole COPY has come; null where it cannot vouch for all of it. */
  finish(): KeySum | null {
    const sum = this.#kernel.keySum();
    this.#kernel.release();
    return this.#isGood && this.#isEnded ? sum : null;
  }
}
