import type { Seq } from "@scidex/audit-core";
import type { ChainResult, Findings, CheckGroup, KnownServer, PublishedHeads } from "@scidex/audit-reader";
import type { AcceptedFinding, ManyFindings } from "../coverage/acceptance/accepting.ts";
import type { Generations } from "../coverage/generations.ts";
import type { ErasedRow } from "../rows/erasure.ts";
import type { RestoredRows } from "../rows/changes/restoration.ts";
import type { RetiredRows } from "../rows/retirement.ts";
import type { Pending } from "../rows/read-pending.ts";
import type { ShardSums } from "./shard-sums.ts";
import type { Overview } from "./overview.ts";
import type { WitnessesReport } from "./witnesses.ts";

/** What one look at the sinks and the database has found, before it is judged. */
export interface Observations {
  readonly findings: Findings;
  readonly unproven: readonly { readonly group: CheckGroup; readonly reason: string }[];
  /** Whether something could not be judged that another look may be able to judge. */
  readonly isTransient: boolean;
  /** Whether a table was rewritten between the snapshot and its lock, which a few more looks will not always meet. */
  readonly isRewritten: boolean;
  readonly warnings: readonly string[];
  /** What was found and the policy accepts. */
  readonly accepted: readonly AcceptedFinding[];
  /** Of what was found, what is too much to be accepted one by one. */
  readonly many: readonly ManyFindings[];
  /** Null where it could not be told. */
  readonly server: KnownServer | null;
  readonly published: PublishedHeads | null;
  /** How the newest head stands to the trust policy; null where there is none, or no head. */
  readonly witnesses: WitnessesReport | null;
  readonly from: Seq;
  readonly chain: ChainResult;
  readonly pending: Pending | null;
  readonly eventsWithoutSource: bigint;
  /** Rows that are missing by their table's retention. */
  readonly retired: readonly RetiredRows[];
  /** Rows that have been erased by statements that the policy allows. */
  readonly erased: readonly ErasedRow[];
  /** Rows that were put back as they had been recorded. */
  readonly restored: readonly RestoredRows[];
  /** By relation, columns that nobody has taken in yet; null where that was not read. */
  readonly notCovered: ReadonlyMap<string, readonly string[]> | null;
  /** What was recorded anew, by kind. */
  readonly generations: Generations;
  readonly overview: Overview;
  /** How far tables in the mode `stream` have come; null where there are none. */
  readonly stream: {
    readonly linkedTo: bigint | null;
    readonly writtenTo: bigint | null;
    readonly stopped: string | null;
  } | null;
  /** Whether anything was found of them that may not have been linked yet. */
  readonly awaitsLinking: boolean;
  /** What a shard adds to the sums of all; null where it has compared all its tables in order, or is none. */
  readonly sums: ShardSums | null;
  /** How long the group `access` took, in milliseconds. */
  readonly accessMs: number;
}
