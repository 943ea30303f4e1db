export { parseIsoDuration } from "./coverage/iso-duration.ts";
export {
  type CheckName,
  CHECKS,
  CLOCK_TOLERANCE_MICROS,
  type Divergence,
  EMPTY_STATE,
  formatState,
  type CheckGroup,
  CHECK_GROUPS,
  type HeadLog,
  type HeadLogLine,
  type KnownLog,
  type KnownServer,
  LOCK_TOLERANCE_MICROS,
  MAX_LISTED_PER_CHECK,
  parseState,
  type RangeRequest,
  type Shard,
  VerifierError,
  type VerifierErrorCode,
  type VerifierState,
} from "@scidex/audit-reader";
export {
  type BroughtPayload,
  type EventName,
  type EventVerdict,
  getHead,
  lookup,
  lookupErasures,
  readSalt,
  verifyEvent,
} from "./lookup.ts";
export { type VerifiedBundle, verifyBundle, type VerifyBundleOptions } from "./bundle/verify-bundle.ts";
export { compareWithTree, type TreeComparison } from "./prove/compare-with-tree.ts";
export { type EventProof, proveEvent, type ProofSource } from "./prove/prove-event.ts";
export { type KindCount, type KindCounts, MAX_OTHER_KINDS } from "./rows/kind-tally.ts";
export type { CoverageChange, HeadTime, Overview, SinkHeads } from "./report/overview.ts";
export type { RecordedTable } from "./coverage/generations.ts";
export {
  type Acceptance,
  acceptanceForm,
  MAX_ACCEPTED_ONE_BY_ONE,
  stateDigest,
  tableKind,
  whyNotAcceptable,
} from "./coverage/acceptance/acceptance.ts";
export type { AcceptedFinding, ManyFindings } from "./coverage/acceptance/accepting.ts";
export type { RetiredRows } from "./rows/retirement.ts";
export type { FollowedLog } from "./coverage/logs/followed-logs.ts";
export { newlyRetired, retiredBy, retiredKeyForm } from "./coverage/logs/retired-keys.ts";
export { describeEarlierLog, endedBy } from "./report/earlier-logs.ts";
export type { PinnedRow } from "./coverage/policy.ts";
export type { ServerDifference } from "./structure/builtin/compare-builtin.ts";
export { compareServer, describeDifference } from "./structure/builtin/check-builtin.ts";
export {
  coveredAt,
  describeChanges,
  type DescribedChange,
  type DescribedDifference,
  describeDifferences,
  describeRecorded,
} from "./coverage/describe-coverage.ts";
export {
  type Approval,
  approvalForm,
  formatPolicy,
  parseApproval,
  parsePolicy,
  type Policy,
} from "./coverage/policy.ts";
export type { TablePolicy } from "./coverage/table-policy.ts";
export {
  type ChainHead,
  formatReport,
  type CheckGroupResult,
  type EarlierLogReport,
  type EndedLogReport,
  isVerdict,
  type RecordedAnewCount,
  type VerificationReport,
} from "./report/verification-report.ts";
export type { Trust } from "./trust.ts";
export { MAX_LOOKS, type Verification, verify } from "./verify.ts";
export type { ChainEnd } from "./bulk/link-voucher.ts";
export { type IncrementGround, vouchForIncrement } from "./bulk/vouch-increment.ts";
export { hasChangedShape } from "./record/has-changed-shape.ts";
export {
  type BatchRecorder,
  lookToRecord,
  type RecordingLook,
  type RowBatch,
  type TableToRecord,
} from "./record/look-to-record.ts";
export { DEFAULT_CHECK_GROUPS, defaultJobs, VERIFY_DEFAULTS, type VerifyOptions } from "./verify-options.ts";
