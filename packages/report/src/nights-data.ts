/** What a page of nights is made of: the verifier's `History`, and who made it. */
export interface NightsData {
  /** The name in the verifier's own keys. */
  readonly verifier: string;
  readonly since: string | null;
  readonly until: string;
  /** In the order in which they were signed. */
  readonly nights: readonly PageNight[];
  readonly counts: { readonly intact: number; readonly tampered: number; readonly unproven: number };
  /** Times without a verdict that are longer than they may be. */
  readonly gaps: readonly { readonly from: string; readonly to: string; readonly hours: number }[];
  /** What was decided, or exchanged, between two nights. */
  readonly changes: readonly { readonly at: string; readonly what: string; readonly message: string }[];
  /** Lines that are not what was signed, or do not follow the one before. */
  readonly broken: readonly { readonly line: number; readonly message: string }[];
  /** How long there may be no verdict, as it was asked for. */
  readonly maxGap: string;
  /** The command that made the page. */
  readonly command: string;
}

/** One night. Times are ISO 8601 in UTC. */
export interface PageNight {
  readonly at: string;
  readonly status: "intact" | "tampered" | "unproven";
  readonly findings: number;
  readonly accepted: number;
  readonly head: { readonly seq: bigint; readonly chainHash: string } | null;
  readonly origin: string | null;
  readonly database: string;
}
