/** A worker thread: vouches for one stream after another. It is given bytes, and has no connection of its own. */
import { parentPort } from "node:worker_threads";
import { type FromWorker, type ToWorker, type Voucher, voucherFor } from "./task.ts";

const port = parentPort;
let voucher: Voucher<unknown> | undefined;
/** The chunk at hand, whose memory takes the tags of its rows: the voucher has copied its bytes by then. */
let chunk: Uint8Array<ArrayBuffer> = new Uint8Array(0);
let written = 0;

function takeTags(tags: Uint8Array): void {
  chunk.set(tags, written);
  written += tags.length;
}

function answer(message: ToWorker): FromWorker | undefined {
  if (message.type === "task") {
    voucher = voucherFor(message.task, takeTags);
    return undefined;
  }
  if (message.type === "end") return { type: "result", result: voucher?.finish() ?? null };
  ({ bytes: chunk } = message);
  written = 0;
  const isGood = voucher?.push(chunk.subarray(0, message.length)) ?? false;
  return { type: "took", isGood, bytes: chunk, tags: written };
}

port?.on("message", (message: ToWorker) => {
  const reply = answer(message);
  if (reply !== undefined) port.postMessage(reply, reply.type === "took" ? [reply.bytes.buffer] : []);
});
