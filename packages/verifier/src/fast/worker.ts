/** A worker thread: vouches for one stream after another. It is given bytes, and has no connection of its own. */
import { parentPort } from "node:worker_threads";
import type { FromWorker, ToWorker } from "./messages.ts";
import { type Voucher, voucherFor } from "./task.ts";

const port = parentPort;
let voucher: Voucher<unknown> | undefined;
let tags: Uint8Array<ArrayBuffer>[] = [];

function answer(message: ToWorker): FromWorker | undefined {
  if (message.type === "task") {
    voucher = voucherFor(message.task, (some) => tags.push(new Uint8Array(some)));
    return undefined;
  }
  if (message.type === "end") return { type: "result", result: voucher?.finish() ?? null };
  tags = [];
  const isGood = voucher?.push(message.bytes) ?? false;
  return { type: "took", isGood, tags };
}

port?.on("message", (message: ToWorker) => {
  const reply = answer(message);
  if (reply === undefined) return;
  port.postMessage(reply, reply.type === "took" ? reply.tags.map(({ buffer }) => buffer) : []);
});
