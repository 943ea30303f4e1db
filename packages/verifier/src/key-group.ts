/** What the chain and pending say of one key of one kind. */
export interface KeyGroup {
  readonly kind: string;
  readonly key: string;
  /** The newest event: the one that says what the row must be now. `seq` is null while it is pending. */
  readonly newest: KeyEvent;
  /** Events of this key that are in the chain. */
  readonly links: number;
}

/** An event as the sources check needs it. */
export interface KeyEvent {
  readonly seq: bigint | null;
  readonly eventKind: string;
  readonly eventPk: string;
  readonly payloadHash: Uint8Array;
  readonly isDelete: boolean;
}
