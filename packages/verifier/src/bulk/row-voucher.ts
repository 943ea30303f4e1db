import { type PayloadShape, sameBytes } from "@scidex/audit-core";
import { TextCopyDecoder } from "@scidex/audit-reader";
import { rowPayloadHash } from "../rows/payload.ts";
import { keyOf } from "../rows/source/read-source.ts";
import { Kernel, type KindSum } from "./kernel.ts";

/** Rows of a table, or of a part of it, to be added up. It can be sent to a worker. */
export interface RowsTask extends PayloadShape {
  readonly kind: string;
  /** How many columns the key has: the COPY has them first, and then the covered ones. */
  readonly keyColumns: number;
  /** What keys are blinded with. The kernel does not do that, nor leave values out; null where events have them as they are. */
  readonly secret: Uint8Array | null;
  readonly tagKey: Uint8Array;
  /** Rows that are left out, by key, with their payload hash: one that has another is not. */
  readonly newer?: ReadonlyMap<string, Uint8Array>;
}

const [IS_FULL, CANNOT_VOUCH] = [3, 4];

/** Adds up rows as if they were events: what the chain says of the table must give the same sum. */
export class RowVoucher {
  readonly #task: RowsTask;
  readonly #kernel: Kernel;
  #isGood = true;
  #held = 0;

  constructor(task: RowsTask) {
    this.#task = task;
    this.#kernel = new Kernel(task.tagKey);
    const { raw } = this.#kernel;
    raw.setKind(this.#kernel.kind(task.kind));
    raw.setKeyColumns(task.keyColumns);
    const members = task.members.map((member) => Buffer.from(`${JSON.stringify(member)}:"`));
    if (Buffer.concat(members).length > raw.MEMBERS_BYTES.value - 64) this.#isGood = false;
    else this.#kernel.bytes.set(Buffer.concat(members), raw.MEMBERS.value);
    for (const member of members) if (raw.addColumn(member.length) === 0) this.#isGood = false;
    for (const key of task.newer?.keys() ?? []) this.#kernel.mark(task.kind, key);
  }

  /** Takes the next bytes of the COPY. False as soon as a row is such that it cannot be added up. */
  push(chunk: Uint8Array): boolean {
    const { raw } = this.#kernel;
    for (let at = 0; at < chunk.length && this.#isGood;) {
      const part = chunk.subarray(at, at + raw.INPUT_BYTES.value - this.#held);
      const { bytes } = this.#kernel;
      const start = raw.INPUT.value;
      bytes.set(part, start + this.#held);
      // Only what is new can have a line feed.
      const lineFeed = part.lastIndexOf(0x0a);
      const whole = lineFeed === -1 ? 0 : this.#held + lineFeed + 1;
      this.#held += part.length;
      at += part.length;
      // A row that is longer than all the room there is.
      if (part.length === 0) this.#isGood = false;
      this.#work(start, start + whole);
      bytes.copyWithin(start, start + whole, start + this.#held);
      this.#held -= whole;
    }
    return this.#isGood;
  }

  #work(from: number, end: number): void {
    for (let at = from; at < end && this.#isGood;) {
      if (this.#task.secret === null && this.#task.absent.size === 0) {
        at = this.#kernel.raw.addRows(at, end);
        this.#takeMarked();
        const stopped = this.#kernel.raw.rowsStopped.value;
        if (stopped === IS_FULL) continue;
        if (stopped !== CANNOT_VOUCH) return;
      }
      const line = this.#kernel.bytes.subarray(at, this.#kernel.bytes.indexOf(0x0a, at) + 1);
      at += line.length;
      this.#takePlainly(Buffer.from(line));
    }
  }

  /** Rows with a key that may be left out. */
  #takeMarked(): void {
    const { raw, bytes } = this.#kernel;
    const list = new DataView(bytes.buffer, raw.TAGS.value, 4 * raw.marked.value);
    for (let i = 0; i < raw.marked.value; i++) {
      const from = list.getUint32(4 * i, true);
      this.#takePlainly(Buffer.from(bytes.subarray(from, bytes.indexOf(0x0a, from) + 1)));
    }
  }

  /** A line that the kernel leaves to us: one that is very long, for example, or whose key is blinded. */
  #takePlainly(line: Buffer): void {
    const { kind, keyColumns, columns, secret } = this.#task;
    new TextCopyDecoder().push(line, (fields) => {
      const texts = new Map(columns.map((column, i) => [column, fields[keyColumns + i] ?? null]));
      const hash = rowPayloadHash(this.#task, texts);
      const key = keyOf(fields.slice(0, keyColumns), secret);
      const newer = key === null ? undefined : this.#task.newer?.get(key);
      if (newer !== undefined && sameBytes(newer, hash)) return;
      const isWhole = fields.length === keyColumns + columns.length;
      if (key === null || !isWhole || !this.#kernel.add(kind, key, hash)) this.#isGood = false;
    });
  }

  /** The sum of all rows, once the whole COPY has come; null where there was one that could not be added up. */
  finish(): KindSum | null {
    if (!this.#isGood || this.#held > 0) return null;
    const [sum] = this.#kernel.sums() ?? [];
    this.#kernel.release();
    return sum ?? null;
  }
}
