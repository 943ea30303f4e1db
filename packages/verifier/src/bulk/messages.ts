import type { Task } from "./task.ts";

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
