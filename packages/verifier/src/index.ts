export { VerifierError, type VerifierErrorCode } from "./finding/errors.ts";
export { type CheckName, CHECKS, type Divergence, type Group, GROUPS } from "./finding/finding.ts";
export { type EventName, type EventVerdict, getHead, lookup, verifyEvent } from "./lookup.ts";
export { type KindCount, type KindCounts, MAX_OTHER_KINDS } from "./rows/kind-tally.ts";
export type { CoverageChange, HeadTime, Overview, SinkHeads } from "./report/overview.ts";
export { MAX_LISTED_PER_CHECK } from "./finding/findings.ts";
export type { HeadLog, HeadLogLine } from "./head-log/head-log.ts";
export type { PinnedRow } from "./coverage/policy.ts";
export type { ServerDifference } from "./structure/builtin/compare-builtin.ts";
export { compareServer, describeDifference } from "./structure/builtin/check-builtin.ts";
export { formatPolicy, parsePolicy, type Policy, type TablePolicy } from "./coverage/policy.ts";
export { type ChainHead, formatReport, type GroupResult, isVerdict, type VerificationReport } from "./report/report.ts";
export { CLOCK_TOLERANCE_MICROS, LOCK_TOLERANCE_MICROS } from "./chain/time-checker.ts";
export {
  EMPTY_STATE,
  formatState,
  type KnownLog,
  type KnownServer,
  parseState,
  type VerifierState,
} from "./head-log/verifier-state.ts";
export { MAX_LOOKS, type Verification, verify, verifyWithState } from "./verify.ts";
export { DEFAULT_CHECKS, defaultJobs, VERIFY_DEFAULTS, type VerifyOptions } from "./verify-options.ts";
export type { RangeRequest, Shard } from "./chain/range.ts";
