import type { Task } from "./task.ts";

/** What is sent to a worker: a task, then the bytes of its stream, then the end. */
export type ToWorker =
  | { readonly type: "task"; readonly task: Task }
  | { readonly type: "chunk"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: "end" };

/** What it answers: to each chunk, whether it still vouches, and the tags of the rows; to the end, the result. */
export type FromWorker =
  | { readonly type: "took"; readonly isGood: boolean; readonly tags: readonly Uint8Array<ArrayBuffer>[] }
  | { readonly type: "result"; readonly result: unknown };
