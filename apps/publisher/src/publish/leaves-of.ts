import { leafText, type Seq } from "@scidex/audit-core";
import { COPY_LINKS, copyLinks, hashedTime } from "@scidex/audit-reader";
import type { Leaves } from "@scidex/audit-sinks";
import type { Sql } from "postgres";
import { PublisherError } from "../errors.ts";
import { inTransaction } from "../transaction.ts";

/**
 * The chain's leaves as the database has them now. Nothing is verified: whoever takes them holds their root against the one
 * that is signed. Each part is read in a transaction of its own, which is over before the leaves are passed on: a sink may
 * take as long as it likes.
 */
export function leavesOf(database: Sql, signal: AbortSignal | undefined): Leaves {
  return async function* (from, to) {
    for (let next = from; next <= to;) {
      if (signal?.aborted) throw new PublisherError("aborted", "stopped while reading the chain for a sink");
      const part = await readPart(database, next, to);
      if (part.length === 0) return;
      yield* part;
      next += BigInt(part.length);
    }
  };
}

async function readPart(database: Sql, from: Seq, to: Seq): Promise<string[]> {
  const length = to - from + 1n;
  const limit = length < COPY_LINKS ? Number(length) : COPY_LINKS;
  return await inTransaction(database, "read only", async (tx) => {
    const leaves: string[] = [];
    await copyLinks(tx, { from, limit }, (row) => {
      const appendedAt = hashedTime(row);
      if (appendedAt !== null) leaves.push(leafText({ ...row, appendedAt }));
      return appendedAt !== null;
    });
    return leaves;
  });
}
