import { Kernel, type KeySum } from "../kernel.ts";
import { TupleStream } from "../tuple-adder.ts";

/** Keys of events in the order of an index. It can be sent to a worker. */
export interface KeysTask {
  readonly tagKey: Uint8Array;
}

const AT_END = 1;
const CANNOT_VOUCH = 4;

/** Vouches that each key of a binary COPY of kind and key is higher than the one before, so that none is there twice; and adds them up. */
export class KeyVoucher {
  readonly #kernel: Kernel;
  readonly #stream: TupleStream;

  constructor({ tagKey }: KeysTask) {
    this.#kernel = new Kernel(tagKey);
    const { raw } = this.#kernel;
    this.#stream = new TupleStream(this.#kernel, (from, end) => {
      const at = raw.addKeys(from, end);
      const stopped = raw.keysStopped.value;
      return { at, isEnded: stopped === AT_END, isGood: stopped !== CANNOT_VOUCH };
    });
  }

  /** Takes the next bytes of the COPY. False as soon as it cannot vouch. */
  push(chunk: Uint8Array): boolean {
    return this.#stream.push(chunk);
  }

  /** The sum, once the whole COPY has come; null where it cannot vouch for all of it. */
  finish(): KeySum | null {
    const sum = this.#kernel.keySum();
    this.#kernel.release();
    return this.#stream.isWhole ? sum : null;
  }
}
