import type { Micros } from "@scidex/audit-core";
import type { Place } from "../position/position.ts";

/** What an event does to its key. */
export type Op = "insert" | "update" | "delete";

/** An event of a row, to be linked. */
export interface StreamEvent {
  readonly kind: string;
  readonly op: Op;
  readonly pk: string;
  /** Of a deletion, of the row before; null where that was not sent. */
  readonly payloadHash: string | null;
  /** Of an update or a deletion: the payload hash of the row before; null where that was not sent. */
  readonly beforeHash: string | null;
  /** Whether its table refuses changes, so that it should not have been possible. */
  readonly isRefused: boolean;
  readonly transaction: Transaction;
}

/** Which transaction an event is of, and when that was committed. */
export interface Transaction {
  readonly xid: number;
  readonly committedAt: Micros;
}

/** Put into words only where something is said of it: most never is. */
export const described = ({ xid, committedAt }: Transaction): string =>
  `transaction ${xid}, ${new Date(Number(committedAt / 1000n)).toISOString()}`;

/** How many events one transaction of ours links at most. */
export const BATCH = 5_000;

/** Events in the log's order, and the place behind them. */
export class Batch {
  readonly events: StreamEvent[] = [];
  place: Place;

  constructor(place: Place) {
    this.place = place;
  }

  get isFull(): boolean {
    return this.events.length >= BATCH;
  }
}
