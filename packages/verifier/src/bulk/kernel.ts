import { MAX_LINK_KIND_BYTES, MAX_LINK_PK_BYTES } from "@scidex/audit-core";
import { KERNEL_BYTES } from "./kernel-bytes.ts";

interface Global<T> {
  readonly value: T;
}

/** What is used of the WebAssembly API, whose types come with those of browsers only. */
const { Module, Instance } = (
  globalThis as unknown as {
    WebAssembly: {
      Module: new (bytes: Uint8Array) => object;
      Instance: new (module: object, imports: object) => { readonly exports: unknown };
    };
  }
).WebAssembly;

/** What kernel/index.ts exports. Addresses and 32-bit numbers are numbers, 64-bit numbers are bigint. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly INPUT: Global<number>;
  readonly INPUT_BYTES: Global<number>;
  readonly KINDS: Global<number>;
  readonly LEAVES: Global<number>;
  readonly MAX_ROWS: Global<number>;
  readonly MEMBERS: Global<number>;
  readonly MEMBERS_BYTES: Global<number>;
  readonly PREVIOUS: Global<number>;
  readonly TAGS: Global<number>;
  readonly TAG_KEY: Global<number>;
  readonly DIGESTS: Global<number>;
  readonly kinds: Global<number>;
  readonly keys: Global<bigint>;
  readonly keysStopped: Global<number>;
  readonly keySum0: Global<bigint>;
  readonly keySum1: Global<bigint>;
  readonly lastRow: Global<number>;
  readonly marked: Global<number>;
  readonly nextSeq: Global<bigint>;
  readonly rowsStopped: Global<number>;
  readonly stopped: Global<number>;
  readonly tuples: Global<bigint>;
  readonly tuplesStopped: Global<number>;
  readonly tupleSum0: Global<bigint>;
  readonly tupleSum1: Global<bigint>;
  readonly vouched: Global<number>;
  checkLinks(from: number, end: number): number;
  setNextSeq(seq: bigint): void;
  setLimits(lastSeq: bigint, earliest: bigint, latest: bigint): void;
  setWork(hashes: boolean, leaves: boolean): void;
  setHasPrevious(has: boolean): void;
  subtreeRoot(first: number, level: number): number;
  kindOf(name: number, length: number): number;
  tagKey(kind: number, kindLength: number, key: number, keyLength: number): bigint;
  addEvent(kind: number, payloadHash: number): void;
  addKeys(from: number, end: number): number;
  countKey(): void;
  markKey(): void;
  resetKeys(): void;
  setKind(kind: number): void;
  setKeyColumns(number: number): void;
  addColumn(length: number): number;
  addRows(from: number, end: number): number;
  addTuples(from: number, end: number, skipped: number, most: number): number;
  resetKinds(): void;
  resetRows(): void;
  resetTuples(): void;
  makeFilter(blocks: number): number;
  addTags(tags: number, count: number): number;
  pad(message: number, length: number): number;
  hashLanes(p0: number, n0: number, p1: number, n1: number, p2: number, n2: number, p3: number, n3: number): void;
}

/** How many events there are of a kind, and the sum of their tags (kernel/kinds.ts). */
export interface KindSum {
  readonly kind: string;
  readonly count: bigint;
  readonly sum0: bigint;
  readonly sum1: bigint;
}

/** How many keys of events there are, and the sum of their tags (kernel/keys.ts). */
export interface KeySum {
  readonly count: bigint;
  readonly sum0: bigint;
  readonly sum1: bigint;
}

/** Bytes of the key of tags. */
export const TAG_KEY_BYTES = 16;

let compiled: object | undefined;

/** Instances that are not in use: each has ten megabytes, which are given back late. */
const spare: Exports[] = [];

/**
 * An instance of the kernel: WebAssembly from kernel/, with a memory of its own. It works on one stream.
 *
 * @param tagKey 16 random bytes; kernels whose sums are compared must have the same
 */
export class Kernel {
  readonly #exports: Exports;

  constructor(tagKey: Uint8Array) {
    compiled ??= new Module(Buffer.from(KERNEL_BYTES, "base64"));
    // The kernel imports nothing: it can do nothing but compute.
    this.#exports = spare.pop() ?? (new Instance(compiled, {}).exports as Exports);
    this.bytes.set(tagKey.subarray(0, TAG_KEY_BYTES), this.#exports.TAG_KEY.value);
  }

  /** Makes the instance free for another stream. It must not be used afterwards. */
  release(): void {
    this.#exports.resetKeys();
    this.#exports.resetKinds();
    this.#exports.resetRows();
    this.#exports.resetTuples();
    spare.push(this.#exports);
  }

  /** The functions and addresses, as they are. */
  get raw(): Exports {
    return this.#exports;
  }

  /** The memory. It must be asked for again after a filter was made. */
  get bytes(): Uint8Array {
    return new Uint8Array(this.#exports.memory.buffer);
  }

  /** Copies bytes of the memory. */
  slice(at: number, length: number): Uint8Array {
    return this.bytes.slice(at, at + length);
  }

  /** What was added up so far; null where there were more kinds than it can tell apart. */
  sums(): KindSum[] | null {
    const view = new DataView(this.#exports.memory.buffer);
    const at = this.#exports.KINDS.value;
    if (view.getBigUint64(at + 224, true) !== 0n) return null;
    return Array.from({ length: this.#exports.kinds.value - 1 }, (_, i) => {
      const entry = at + 256 * (i + 1);
      return {
        kind: Buffer.from(this.slice(entry + 4, view.getInt32(entry, true))).toString("utf8"),
        count: view.getBigUint64(entry + 224, true),
        sum0: view.getBigUint64(entry + 232, true),
        sum1: view.getBigUint64(entry + 240, true),
      };
    });
  }

  /** The keys that were added so far. */
  keySum(): KeySum {
    const { keys, keySum0, keySum1 } = this.#exports;
    const [count = 0n, sum0 = 0n, sum1 = 0n] = [keys, keySum0, keySum1].map(({ value }) => BigInt.asUintN(64, value));
    return { count, sum0, sum1 };
  }

  /** Makes `kind` known. Returns its number. */
  kind(kind: string): number {
    const name = Buffer.from(kind);
    this.bytes.set(name, this.#exports.LEAVES.value);
    return this.#exports.kindOf(this.#exports.LEAVES.value, name.length);
  }

  /** Leaves rows of a kind with this key to the host. */
  mark(kind: string, key: string): void {
    const [name, pk] = [Buffer.from(kind), Buffer.from(key)];
    const at = this.#exports.LEAVES.value;
    this.bytes.set(name, at);
    this.bytes.set(pk, at + 4096);
    this.#exports.tagKey(at, name.length, at + 4096, pk.length);
    this.#exports.markKey();
  }

  /** Adds an event that did not come through a stream. False where a label is too long. */
  add(kind: string, key: string, payloadHash: Uint8Array): boolean {
    const [name, pk] = [Buffer.from(kind), Buffer.from(key)];
    if (name.length > MAX_LINK_KIND_BYTES || pk.length > MAX_LINK_PK_BYTES || payloadHash.length !== 32) return false;
    const at = this.#exports.LEAVES.value;
    const { bytes } = this;
    bytes.set(name, at);
    bytes.set(pk, at + 4096);
    bytes.set(payloadHash, at + 8192);
    this.#exports.tagKey(at, name.length, at + 4096, pk.length);
    this.#exports.countKey();
    this.#exports.addEvent(this.#exports.kindOf(at, name.length), at + 8192);
    return true;
  }
}
