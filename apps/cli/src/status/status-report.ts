import type { LockUser } from "@scidex/audit-command";
import type { CaptureMode } from "@scidex/audit-core";
import type { Changes } from "@scidex/audit-schema";
import type { CaptureState } from "./capture-state.ts";
import type { HeadState, PendingState } from "./chain-state.ts";
import type { SinkState } from "./sink-heads.ts";
import type { Unchained } from "../database/unchained.ts";

/** An attached table. */
export interface TableState {
  readonly relation: string;
  readonly kind: string;
  readonly mode: CaptureMode;
  readonly changes: Changes;
  readonly complete: boolean;
  readonly key: readonly string[];
  readonly excluded: readonly string[];
  readonly unchained: Unchained;
}

/** Something that should be done about it. */
export interface ToDo {
  /** The table or sink, null for the chain itself. */
  readonly about: string | null;
  readonly problem: string;
  /** A command or SQL statement. */
  readonly run: string | null;
}

/** What `audit-chain status --json` prints. */
export interface StatusReport {
  readonly database: string;
  readonly schema: { readonly version: number | null; readonly release: number };
  /** Null for an empty chain, or where it may not be read (`not_read` says so). */
  readonly head: HeadState | null;
  readonly pending: PendingState | null;
  /** Null where no table was ever in the mode `stream`, or it may not be read. */
  readonly capture: CaptureState | null;
  readonly lock: readonly LockUser[];
  readonly sinks: readonly SinkState[];
  readonly tables: readonly TableState[];
  readonly detached: readonly { readonly relation: string; readonly kind: string }[];
  /** Tables of the database that are not attached; none where tables were chosen. */
  readonly not_audited: readonly string[];
  readonly to_do: readonly ToDo[];
  /** What this login may not read, with what would have been shown. */
  readonly not_read: readonly string[];
}
