/** How many events, rows or keys there are, and the sum of their tags: both halves in hex, 32 digits. */
export interface SumText {
  readonly count: number;
  readonly sum: string;
}

/** What a shard adds to the sums of all of them, which `audit-verify merge` compares. */
export interface ShardSums {
  /** In which block of the chain's table its links begin, and in which those of the next shard; null for the table's ends. */
  readonly blocks: { readonly first: number | null; readonly last: number | null };
  /** Its links by kind, up to the head up to which all shards go alike; and their keys. */
  readonly links: readonly ({ readonly kind: string } & SumText)[];
  readonly keys: SumText;
  /** The keys of all events from the first on, up to before the second, as the chain's index has them; null for its ends. */
  readonly index: {
    readonly from: readonly [kind: string, key: string] | null;
    readonly to: readonly [kind: string, key: string] | null;
  } & SumText;
  /** The rows of its tables, as if they were events; null for one that was dropped. Tables that it has compared in order are missing. */
  readonly tables: readonly {
    readonly kind: string;
    readonly rows: SumText | null;
    /** Whether that is a part of them, so that all shards have one. */
    readonly isDivided: boolean;
  }[];
  /** Whether it has compared all its tables in order, so that nothing more needs to be said of them. */
  readonly isInOrder: boolean;
}
