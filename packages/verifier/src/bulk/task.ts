import { type KeysTask, KeyVoucher } from "./share/key-voucher.ts";
import type { KeySum, KindSum } from "./kernel.ts";
import { type LinksTask, LinkVoucher, type TakeTags, type VouchedLinks } from "./link-voucher.ts";
import { type RowsTask, RowVoucher } from "./row-voucher.ts";
import { TupleAdder, type TuplesTask, type TupleSum } from "./tuple-adder.ts";

/** What can be done with a stream, here or in a worker, and what comes of it. */
interface Tasks {
  readonly links: { readonly task: LinksTask; readonly result: VouchedLinks };
  readonly rows: { readonly task: RowsTask; readonly result: KindSum };
  readonly keys: { readonly task: KeysTask; readonly result: KeySum };
  readonly tuples: { readonly task: TuplesTask; readonly result: TupleSum };
}
export type Task = { [What in keyof Tasks]: { readonly what: What } & Tasks[What]["task"] }[keyof Tasks];
export type Result<T extends Task> = Tasks[T["what"]]["result"];

/** What is sent to a worker: a task, then the bytes of its stream, then the end. */
export type ToWorker =
  | { readonly type: "task"; readonly task: Task }
  | { readonly type: "chunk"; readonly bytes: Uint8Array<ArrayBuffer>; readonly length: number }
  | { readonly type: "end" };

/**
 * What it answers. To each chunk: whether it still vouches, and the chunk's own memory back. At the beginning of that
 * memory stand the tags of the rows (8 bytes each, fewer than any row has). To the end: the result.
 */
export type FromWorker =
  | { readonly type: "took"; readonly isGood: boolean; readonly bytes: Uint8Array<ArrayBuffer>; readonly tags: number }
  | { readonly type: "result"; readonly result: unknown };

/** Takes the bytes of a stream. */
export interface Voucher<R> {
  /** False as soon as it cannot vouch for what came. */
  push(chunk: Uint8Array): boolean;
  /** Null where it cannot vouch for all of it. */
  finish(): R | null;
}

export function voucherFor<T extends Task>(task: T, tags: TakeTags): Voucher<Result<T>> {
  return openVoucher(task, tags) as Voucher<unknown> as Voucher<Result<T>>;
}

function openVoucher(task: Task, tags: TakeTags): Voucher<VouchedLinks | KindSum | KeySum | TupleSum> {
  if (task.what === "links") return new LinkVoucher(task, tags);
  if (task.what === "keys") return new KeyVoucher(task);
  return task.what === "rows" ? new RowVoucher(task) : new TupleAdder(task);
}
