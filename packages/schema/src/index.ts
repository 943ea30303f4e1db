export type { CaptureMode } from "@scidex/audit-core";
export { attach, ATTACH_DEFAULTS, type AttachOptions, type AttachPlan, detach, planAttach } from "./attach.ts";
export type { AttachResult, Changes, Fallback } from "./attach-result.ts";
export { dropped, sync } from "./sync.ts";
export type { AnyPgDatabase } from "./database.ts";
export { SchemaError, type SchemaErrorCode } from "./errors.ts";
export { checkEarlierLinks, type EarlierLinks, type EarlierRows } from "./adopt/check-earlier-links.ts";
export { EARLIER } from "./set-up/make-room.ts";
export { migrate, MIGRATE_ATTEMPTS, type MigrateOptions, type MigrateResult } from "./set-up/migrate.ts";
export { type Migration, readMigrations } from "./set-up/migrations.ts";
export { auditChainMigrations } from "./migrations-table.ts";
export { auditChainPendingSequence, auditLogSequence, senateAlertsSequence } from "./sequences.ts";
export { uninstall, type UninstallOptions, type UninstallResult } from "./uninstall/uninstall.ts";
export { mendLinks } from "./repair/mend-links.ts";
export { repair, type RepairResult } from "./repair/repair.ts";
export { AUDIT_TABLES_FILTER } from "./tables-filter.ts";
export {
  auditChain,
  auditChainConfig,
  auditChainLock,
  auditChainPending,
  auditChainRelation,
  auditChainSecret,
} from "./tables.ts";
