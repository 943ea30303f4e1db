import type { Micros } from "@scidex/audit-core";

/** What the chain and pending say of one key of one kind. */
export interface KeyGroup {
  readonly kind: string;
  /** How many epochs of keys have come since: 0 for a row that is keyed as rows are now. */
  readonly epoch: number;
  readonly key: string;
  /** The first event, of those that have an effect. */
  readonly first: KeyEvent | undefined;
  /**
   * The newest event: the one that says what the row must be now. Undefined where there are only events that the
   * configuration of their time does not allow.
   */
  readonly newest: KeyEvent | undefined;
  /** The newest one in the chain: another where the newest of all waits to be linked. */
  readonly linked: KeyEvent | undefined;
  /** An event of the role `record` after it in the chain that no statement of the publisher stands for: it has no effect. The last. */
  readonly unstated: KeyEvent | undefined;
  /** Events of this key that are in the chain. */
  readonly links: number;
  /**
   * When the row was last changed: the time of the newest event in the chain that is of none of the roles `record`, `restore`,
   * `retire` and `erase`; null where there is none.
   */
  readonly changedAt: Micros | null;
  /** Where an event says of the row before it something else than the event before: the first ones. */
  readonly breaks: readonly ChangeBreak[];
}

/** An event that does not follow from the one before it. */
export interface ChangeBreak {
  readonly event: KeyEvent & { readonly seq: bigint };
  /** The event of the key before it; null where there is none. */
  readonly after: (KeyEvent & { readonly seq: bigint }) | null;
  /** What had been recorded, and what was found there: a payload hash, or `no row`. */
  readonly expected: string;
  readonly actual: string;
}

/** An event as the sources check needs it. */
export interface KeyEvent {
  /** Null while it is pending. */
  readonly seq: bigint | null;
  readonly eventKind: string;
  readonly eventPk: string;
  readonly payloadHash: Uint8Array;
  /** Payload hash of the row before, where the event says so. Of what is pending it is not read. */
  readonly beforeHash: Uint8Array | null;
  /**
   * In the chain: `insert`, `update` or `delete` for a change of a tracked row, `record` for one that was recorded anew,
   * `retire` for one that has left by its retention, `erase` for one that was erased, `restore` for one that was put back,
   * else `event`. In pending, as it stands there: `event`, `door`, `insert`, `update`, `delete`, `retire`, `erase` or `restore`. Such an `insert` can be the first event of its key.
   */
  readonly op: string;
  /** When it was linked; null while it is pending, and where it has no finite time. */
  readonly appendedAt: Micros | null;
}

/** Whether an event says that its row is gone since. */
export const isLeaving = ({ op }: Pick<KeyEvent, "op">): boolean =>
  op === "delete" || op === "retire" || op === "erase";
