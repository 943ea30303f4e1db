import { type Lane, type PublishedHeads, type SnapshotPlan, type Survey, surveyChain } from "@scidex/audit-reader";
import { hasColumns, OWN_SHAPES, readShape } from "../coverage/shape.ts";
import { defaultJobs, MIN_ROWS_FOR_JOBS, type VerifyOptions } from "../verify-options.ts";
import { unlessRefused } from "./noted.ts";

/** How a chain is to be read. */
export interface JobsPlan extends SnapshotPlan {
  /** About how many links there are: never more where there are no heads. */
  readonly expected: bigint;
  /** The seqs of the chain, where they had to be counted. */
  readonly survey: Survey | null;
}

/** How many jobs the chain is worth: each has a connection of its own. */
export async function planJobs(
  lane: Lane,
  published: PublishedHeads | null,
  { jobs }: VerifyOptions,
): Promise<JobsPlan> {
  const newest = published?.heads.at(-1);
  const survey = newest === undefined ? await countLinks(lane) : null;
  const expected = newest?.seq ?? survey?.length ?? 0n;
  const byDefault = expected < BigInt(MIN_ROWS_FOR_JOBS) ? 1 : defaultJobs();
  return { lanes: jobs ?? byDefault, expected, survey };
}

/** The seqs of the chain where no head says how many there are about; null where they cannot be read. */
async function countLinks(lane: Lane): Promise<Survey | null> {
  return await unlessRefused(
    async () =>
      await lane.attempt(async (attempt) => {
        const chain = await readShape(attempt, attempt.place.schema, "audit_chain");
        return hasColumns(chain, OWN_SHAPES.audit_chain) ? await surveyChain(attempt, chain) : null;
      }),
  );
}
