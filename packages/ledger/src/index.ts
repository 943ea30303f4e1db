export { type Anchor, ANCHOR_KIND, type AnchorPayload, anchorPk, DEFAULT_LEDGER_NAME } from "./verify/anchor.ts";
export { hashAnyContent } from "./event/any-content.ts";
export { appendEvent, type AppendOptions } from "./append.ts";
export { anchorAgent, type Anchored, anchoredAgents, type ChainClient, readAnchors } from "./verify/audit-chain.ts";
export type { BreakReason } from "./verify/chain.ts";
export { hashContent } from "./event/content-hash.ts";
export { LedgerError, type LedgerErrorCode } from "./errors.ts";
export {
  type LedgerEvent,
  MAX_AGENT_ID_BYTES,
  MEMBERS,
  type NewEvent,
  type Operation,
  OPERATIONS,
} from "./event/event.ts";
export { exportEvents, type ExportFormat } from "./export.ts";
export { type HookOptions, type HookStep, LedgerHooks } from "./hooks.ts";
export { type AuditHandlerOptions, createAuditHandler, DEFAULT_LIMIT, MAX_LIMIT } from "./http.ts";
export { DEFAULT_BUSY_TIMEOUT_MS, Ledger, type LedgerSource, openLedger, type OpenOptions } from "./store/ledger.ts";
export { DEFAULT_LOCATION } from "./store/location.ts";
export { postgresEvents } from "./store/postgres-table.ts";
export { LedgerSecrets } from "./event/secrets.ts";
export { signedText, type UnsignedEvent } from "./event/signed-text.ts";
export { sqliteEvents } from "./store/sqlite-table.ts";
export type { EventFilter } from "./store/store.ts";
export { type ChainReport, listAgents, verifyChain, type VerifyOptions } from "./verify/verify.ts";
