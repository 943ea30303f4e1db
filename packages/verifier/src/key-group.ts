/** What the chain and pending say of one key of one kind. */
export interface KeyGroup {
  readonly kind: string;
  readonly key: string;
  /**
   * The newest event: the one that says what the row must be now. Undefined where there are only events that the
   * configuration of their time does not allow.
   */
  readonly newest: KeyEvent | undefined;
  /** Events of this key that are in the chain. */
  readonly links: number;
}

/** An event as the sources check needs it. */
export interface KeyEvent {
  /** Null while it is pending. */
  readonly seq: bigint | null;
  readonly eventKind: string;
  readonly eventPk: string;
  readonly payloadHash: Uint8Array;
  /**
   * In the chain `insert`, `update` or `delete` for a change of a tracked row, else `event`; in pending as it stands
   * there: `event`, `door`, `insert`, `update` or `delete`, where `insert` can be the first event of its key.
   */
  readonly op: string;
}
