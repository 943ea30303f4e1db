import type { KindSum } from "./kernel.ts";
import { type LinksTask, LinkVoucher, type TakeTags, type VouchedLinks } from "./link-voucher.ts";
import { type RowsTask, RowVoucher } from "./row-voucher.ts";

/** What can be done with a stream, here or in a worker, and what comes of it. */
export type Task = ({ readonly what: "links" } & LinksTask) | ({ readonly what: "rows" } & RowsTask);
export type Result<T extends Task> = T extends { readonly what: "links" } ? VouchedLinks : KindSum;

/** Takes the bytes of a stream. */
export interface Voucher<R> {
  /** False as soon as it cannot vouch for what came. */
  push(chunk: Uint8Array): boolean;
  /** Null where it cannot vouch for all of it. */
  finish(): R | null;
}

export function voucherFor<T extends Task>(task: T, tags: TakeTags): Voucher<Result<T>> {
  const voucher = task.what === "links" ? new LinkVoucher(task, tags) : new RowVoucher(task);
  return voucher as Voucher<unknown> as Voucher<Result<T>>;
}
