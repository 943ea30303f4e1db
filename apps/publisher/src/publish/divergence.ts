/** The checks that the publisher makes, by the names of the interface. */
export type PublisherCheck =
  | "truncated"
  | "head_mismatch"
  | "gap"
  | "duplicate"
  | "prev_hash"
  | "event_hash"
  | "chain_hash"
  | "time_implausible"
  | "sink_rewound"
  | "sink_signature"
  | "sink_disagreement";

/** A finding, as it stands in reports. Numbers of links are JSON numbers up to 2^53 - 1. */
export interface Divergence {
  readonly check: PublisherCheck;
  readonly group: "links" | "heads";
  readonly seq?: number;
  readonly from_seq?: number;
  readonly to_seq?: number;
  readonly event_kind?: string;
  readonly event_pk?: string;
  readonly sink?: string;
  readonly expected?: string;
  readonly actual?: string;
  readonly message: string;
}
