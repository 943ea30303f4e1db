export { beginLog, type BeginOptions, type BegunLog } from "./begin/begin-log.ts";
export type { Divergence } from "./divergence.ts";
export { PublisherError, type PublisherErrorCode } from "./errors.ts";
export { LOCK_IDLE_MS, type LockHolder } from "./sealing/free-lock.ts";
export { generateErasureKey, generateKeyFiles, readKeyFile, stateFileOf } from "./state/key-file.ts";
export { nameNextKeys } from "./state/log-keys.ts";
export { leavesOf } from "./publish/leaves-of.ts";
export { publishHead } from "./publish/publish-head.ts";
export { rotateKey, type RotatedKey } from "./publish/rotate-key.ts";
export { PUBLISH_DEFAULTS, type PublishOptions } from "./publish/publish-options.ts";
export type { PublishResult, SinkStatus, WitnessStatus } from "./publish/result.ts";
export { SEAL_BATCH, sealPending, type SealOptions } from "./sealing/seal.ts";
export { initialState, type LogPosition, type SinkRecord, type State, STATE_VERSION } from "./state/state.ts";
export { ALERT_KIND, ALERT_SEVERITY } from "./alerts/alert-table.ts";
export type { AlertSummary } from "@scidex/audit-verifier/alerts";
export type { Heartbeat } from "./alerts/heartbeat.ts";
export { REQUEST_DEFAULTS, type RequestOptions } from "@scidex/audit-verifier/alerts";
export type { AlertedReport, AlertedVerification } from "./verify/alerted-report.ts";
export { MetricsFile } from "./metrics/metrics-file.ts";
export type { MetricName, Metrics, RunKind, RunSample } from "./metrics/metrics.ts";
export { verifyAndAlert } from "./verify/verify-and-alert.ts";
export type { VerifyAndAlertOptions } from "./verify/verify-and-alert-options.ts";
export {
  MIN_SECRET_LENGTH,
  SIGNATURE_HEADER,
  TIMESTAMP_HEADER,
  type Webhook,
  type WebhookFormat,
  webhookSignature,
} from "@scidex/audit-verifier/alerts";
