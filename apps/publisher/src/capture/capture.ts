import type { Sql } from "postgres";
import { beginFollowing } from "./position/begin-following.ts";
import { readLogEnd } from "./position/log-end.ts";
import { PositionFile } from "./position/position-file.ts";
import { untilFree } from "./position/slot.ts";
import { whenFree } from "./position/when-free.ts";
import { type CaptureListener, Follower } from "./follower.ts";

export interface CaptureOptions extends CaptureListener {
  /** The copy of the position outside the database. */
  readonly stateFile: string;
  /** Whether it ends when everything that had been written before is linked. */
  readonly once: boolean;
  /** Whether the position in the database is gone on from where the copy outside is lost. */
  readonly adoptPosition?: boolean | undefined;
  readonly signal: AbortSignal;
  /** Changes may have been missed: said at the beginning, and recorded in the chain. */
  readonly onGap: (message: string) => Promise<void>;
}

/**
 * Links what is written into tables of the mode `stream`, from the write-ahead log. One process a database; a second one
 * gets nothing linked.
 *
 * @param sql a client of the database; its login has REPLICATION and the role scidex_audit_capture
 * @throws errors of the driver, when the connection is lost among others; {PublisherError}
 */
export async function capture(sql: Sql, options: CaptureOptions): Promise<void> {
  await untilFree(sql);
  const file = await PositionFile.open(options.stateFile);
  const until = options.once ? await readLogEnd(sql) : undefined;
  let undecodable: string | undefined;
  for (;;) {
    const { adoptPosition = false } = options;
    const { position, published, gap } = await beginFollowing(sql, file, { undecodable, adoptPosition });
    if (gap !== null) await options.onGap(gap);
    undecodable = undefined;
    try {
      const hasMore = await whenFree(
        async () => await new Follower(sql, position, { ...options, file, published, until }).run(),
      );
      if (!hasMore) return;
    } catch (error) {
      if (!isUndecodable(error)) throw error;
      undecodable = `the log could not be decoded (${error.message})`;
    }
  }
}

/** A publication was dropped, and made again after what is to be decoded with it was written. */
const isUndecodable = (error: unknown): error is Error =>
  error instanceof Error && "code" in error && error.code === "42704" && error.message.includes("publication");
