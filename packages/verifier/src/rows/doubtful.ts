import type { Seq } from "@scidex/audit-core";
import { CHECKS, type Finding } from "@scidex/audit-reader";

/**
 * Whether it is doubtful which event of a row a finding is about. Where a link further on is missing or was changed, it may have
 * been the newest event of a row that changes. Then the row is named, but not the seq of its older event, which nobody has touched.
 * An event that does not follow from the one before it does so whatever comes after.
 *
 * @param lastBroken the highest seq at which a link is missing or broken
 * @param isTracked whether rows of the finding's kind change
 */
export const isDoubtful = (
  { check, seq }: Pick<Finding, "check" | "seq">,
  lastBroken: Seq,
  isTracked: boolean,
): boolean =>
  isTracked && seq !== undefined && seq < lastBroken && CHECKS[check] === "sources" && check !== "change_unrecorded";

/** The link that a finding (its seq a number where it was read from JSON, which compares with a bigint) says is missing or was changed; undefined where it says so of none. */
export const brokenLink = ({ check, seq }: Pick<Finding, "check" | "seq">): Seq | undefined =>
  seq !== undefined && (CHECKS[check] === "links" || check === "truncated") ? seq : undefined;
