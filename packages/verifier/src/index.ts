export { VerifierError, type VerifierErrorCode } from "./errors.ts";
export { type CheckName, CHECKS, type Divergence, type Group, GROUPS } from "./finding.ts";
export { type EventName, type EventVerdict, getHead, lookup, verifyEvent } from "./lookup.ts";
export { MAX_LISTED_PER_CHECK } from "./findings.ts";
export type { HeadLog, HeadLogLine } from "./head-log.ts";
export { formatPolicy, parsePolicy, type Policy, type TablePolicy } from "./policy.ts";
export { type ChainHead, formatReport, type GroupResult, type VerificationReport } from "./report.ts";
export { CLOCK_TOLERANCE_MICROS } from "./time-checker.ts";
export { EMPTY_STATE, formatState, type KnownLog, parseState, type VerifierState } from "./verifier-state.ts";
export {
  DEFAULT_CHECKS,
  type Verification,
  verify,
  VERIFY_DEFAULTS,
  type VerifyOptions,
  verifyWithState,
} from "./verify.ts";
