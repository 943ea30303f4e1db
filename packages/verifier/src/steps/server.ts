import type { Micros } from "@scidex/audit-core";
import {
  type Lane,
  type PublishedHeads,
  readReplayTime,
  readSystemIdentifier,
  type ReportFinding,
} from "@scidex/audit-reader";
import { lagReason, mayLag } from "../causes.ts";
import { type Noted, unlessRefused } from "./noted.ts";

/** What a server says of how far it has come. */
interface Progress {
  /** `in_hot_standby` as the server reports it natively (from PostgreSQL 14 on), which nobody can set. */
  readonly isStandby: () => boolean;
  /** Of a standby: up to when it has replayed. */
  readonly replayedUntil: Micros | null;
}

/**
 * Asks which server this is, and how far it has come. One that does not say is judged by the rest.
 *
 * @param database the name in our own URL
 */
export async function identify(lane: Lane, database: string, noted: Noted): Promise<Progress> {
  const ask = async <T>(read: (lane: Lane) => Promise<T | null>): Promise<T | null> =>
    await unlessRefused(async () => await lane.attempt(read));
  noted.saw({ server: { systemIdentifier: await ask(readSystemIdentifier), database } });
  const isStandby = () => lane.parameters["in_hot_standby"] === "on";
  return { isStandby, replayedUntil: isStandby() ? await ask(readReplayTime) : null };
}

/**
 * Takes what is found in the chain. That links are missing at its end may be a standby's lag, which proves nothing; on a
 * primary it is a cut.
 */
export function unlessLagging(server: Progress, published: Pick<PublishedHeads, "heads">, noted: Noted): ReportFinding {
  return (finding) => {
    const { check, seq } = finding;
    const mayBeLag =
      check === "truncated" && seq !== undefined && server.isStandby() && mayLag(seq, published, server.replayedUntil);
    if (mayBeLag) noted.cannot(lagReason(finding), "heads");
    else noted.report(finding);
  };
}
