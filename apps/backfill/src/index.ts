export { backfill } from "./backfill.ts";
export { BackfillError, type BackfillErrorCode } from "./errors.ts";
export {
  BACKFILL_DEFAULTS,
  type BackfillOptions,
  type BackfillResult,
  type TableProgress,
  type TableResult,
} from "./options.ts";
