import type { Finding, Range } from "@scidex/audit-reader";
import type { ErasedRows } from "./erasure.ts";
import type { Retention } from "./retirement.ts";
import type { Generation } from "../coverage/generations.ts";

/** What the comparison of a table with its events found beside findings. */
export interface SourceTally {
  /** Rows that match their newest event. */
  matched: number;
  /** Rows without an event, in a table whose backfill has not finished. */
  unchainedYet: number;
  /** Rows without an event in a table that is another than the one that was attached. */
  notCaptured: number;
  /** Rows that cannot be recomputed since a recorded schema change, and why. */
  unprovable: number;
  excuse: string | null;
  /** Rows with values in columns that joined late, which nothing has recorded yet. */
  unrecorded: number;
  /** Changes that cannot be compared with what was recorded before them, because the schema was changed meanwhile. */
  incomparable: number;
  /** Rows that have not been recorded anew, and of which a change waits to be linked. */
  waiting: number;
}

/** Of a table in which nothing is odd, or nothing has been seen yet. */
export const emptyTally = (): SourceTally => ({
  matched: 0,
  unchainedYet: 0,
  notCaptured: 0,
  unprovable: 0,
  excuse: null,
  unrecorded: 0,
  incomparable: 0,
  waiting: 0,
});

/**
 * Whether a row was held against its newest event as a whole, and fits; whether that could not be done; or whether it is a
 * finding, which is recorded only where that has been accepted.
 */
export type Fit = "compared" | "not compared" | "finding";

/** A row whose newest event was recorded of another shape of its table, and what it is to be recorded as. */
export interface RowToRecord {
  readonly key: string;
  /** The payload hash of the row as it is now. */
  readonly payloadHash: Uint8Array;
  /** The payload hash of the event that the new one follows; null where that cannot be told. */
  readonly beforeHash: Uint8Array | null;
  readonly fit: Fit;
  /** Whether it has been recorded so already, and only the statement is missing. */
  readonly isRecorded: boolean;
}

/** What a comparison rests on. */
export interface ComparisonGround {
  /** Only events with a seq in it are judged. */
  readonly range: Range;
  /** The generations of the table's kind. */
  readonly generations: readonly Generation[];
  /** By which rows may be missing; null where none may. */
  readonly retention: Retention | null;
  /** Rows that may be missing since they were erased; null where that is not known. */
  readonly erased: ErasedRows | null;
  /** Whether it is another table than the one that was attached, which is elsewhere: what is written into it nobody captures. */
  readonly isReplaced: boolean;
  /** How many epochs of keys the table has, and since how many of them its rows have not been recorded anew. */
  readonly keys: { readonly epochs: number; readonly open: number };
  /** Takes what is to be recorded anew; undefined where nobody asks for it. */
  readonly toRecord?: ((row: RowToRecord) => void) | undefined;
  /** Whether what is found of a row may be no more than a change that waits to be linked. Then it is not reported. */
  readonly mayWait?: ((finding: Finding) => boolean) | undefined;
}
