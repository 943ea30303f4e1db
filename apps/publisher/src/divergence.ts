import { CHECKS, type Divergence as Found, type Finding } from "@scidex/audit-reader";

/** A finding, as it stands in reports: its seqs are JSON numbers up to 2^53 - 1, and no `Seq`. */
export interface Divergence extends Omit<Found, "seq" | "from_seq" | "to_seq"> {
  readonly seq?: number;
  readonly from_seq?: number;
  readonly to_seq?: number;
  readonly sink?: string;
}

/** What a check of the reader's has found. */
export function divergenceOf({ check, seq, fromSeq: from, toSeq: to, ...rest }: Finding): Divergence {
  return {
    check,
    group: CHECKS[check],
    ...(seq === undefined ? {} : { seq: Number(seq) }),
    ...(from === undefined ? {} : { from_seq: Number(from) }),
    ...(to === undefined ? {} : { to_seq: Number(to) }),
    ...rest,
  };
}
