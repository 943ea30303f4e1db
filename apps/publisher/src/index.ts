export type { Divergence, PublisherCheck } from "./divergence.ts";
export { PublisherError, type PublisherErrorCode } from "./errors.ts";
export { generateKeyFiles, readKeyFile, stateFileOf } from "./key-file.ts";
export { PUBLISH_DEFAULTS, publishHead, type PublishOptions } from "./publish-head.ts";
export type { PublishResult, SinkStatus } from "./result.ts";
export { SEAL_BATCH, sealPending, type SealOptions } from "./seal.ts";
export { initialState, type LogPosition, type SinkRecord, type State, STATE_VERSION } from "./state.ts";
