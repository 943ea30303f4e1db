export type { Divergence, PublisherCheck } from "./divergence.ts";
export { PublisherError, type PublisherErrorCode } from "./errors.ts";
export { LOCK_IDLE_MS, type LockHolder } from "./free-lock.ts";
export { generateKeyFiles, readKeyFile, stateFileOf } from "./key-file.ts";
export { PUBLISH_DEFAULTS, publishHead, type PublishOptions } from "./publish-head.ts";
export type { PublishResult, SinkStatus } from "./result.ts";
export { SEAL_BATCH, sealPending, type SealOptions } from "./seal.ts";
export { initialState, type LogPosition, type SinkRecord, type State, STATE_VERSION } from "./state.ts";
export { ALERT_KIND, ALERT_SEVERITY } from "./alert-table.ts";
export type { AlertSummary } from "./deliver-alerts.ts";
export type { Heartbeat } from "./heartbeat.ts";
export { REQUEST_DEFAULTS, type RequestOptions } from "./http-request.ts";
export {
  type AlertedReport,
  type AlertedVerification,
  verifyAndAlert,
  type VerifyAndAlertOptions,
} from "./verify-and-alert.ts";
export { MIN_SECRET_LENGTH, SIGNATURE_HEADER, TIMESTAMP_HEADER, type Webhook, webhookSignature } from "./webhook.ts";
