export { append } from "./append.ts";
export { appendMany, MAX_EVENTS_PER_STATEMENT } from "./append-many.ts";
export { type BatchWriter, BATCH_WRITER_DEFAULTS, type BatchWriterOptions, createBatchWriter } from "./batch-writer.ts";
export type { ChainOptions } from "./door.ts";
export { enqueue } from "./enqueue.ts";
export { WriterError, type WriterErrorCode } from "./errors.ts";
export type { EventWithHash, EventWithPayload, KeyPart, NewEvent } from "./event.ts";
export type { Receipt } from "./receipt.ts";
export { RETRY_DEFAULTS, type RetryLimits, type RetryOptions, withRetry } from "./with-retry.ts";
