import type { CaptureMode } from "@scidex/audit-core";
import { oneRow } from "./set-up/one-row.ts";

/** What happens to an UPDATE or DELETE of an audited row: it fails, or it is an event of its own. */
export type Changes = "refuse" | "track";

/** What becomes of a strict commit that cannot have the chain's lock: the sealer links its rows, or it fails with 55P03. */
export type Fallback = "pending" | "fail";

/** What `attach` did: the configuration in force, and what is left to do. */
export interface AttachResult {
  readonly relation: string;
  readonly kind: string;
  readonly key: readonly string[];
  readonly columns: readonly string[];
  readonly excluded: readonly string[];
  readonly changes: Changes;
  readonly mode: CaptureMode;
  readonly salt: boolean;
  readonly blind_key: boolean;
  readonly fallback: Fallback;
  /** How old rows must be to be retired, as an ISO 8601 duration; null where none may be. */
  readonly retention: string | null;
  /** False while rows that were there before still have to be chained by a backfill. */
  readonly complete: boolean;
  /** Rows that were there before and are not chained yet. */
  readonly rows_to_backfill: number;
  /** Columns that were renamed since the last attach: old name to new name. */
  readonly renamed: Readonly<Record<string, string>>;
  /** Whether rows may have values in columns that joined after them, which the next publication records. */
  readonly record_anew: boolean;
  readonly warnings: readonly string[];
}

/** What `audit_chain_attach` returned: drivers read jsonb or leave it as text. */
export function resultOf(rows: readonly { result: AttachResult | string }[]): AttachResult {
  const { result } = oneRow(rows);
  return typeof result === "string" ? (JSON.parse(result) as AttachResult) : result;
}
