import {
  type Head,
  inclusionRanges,
  leafText,
  type Seq,
  TEXT_SETTINGS,
  TILE_WIDTH,
  tileAt,
  tilePath,
  tilesOf,
} from "@scidex/audit-core";
import { COPY_LINKS, copyLinks, hashedTime, VerifierError } from "@scidex/audit-reader";
import { TileBuilder, type TreeFile, type TreeFiles } from "@scidex/audit-sinks";
import type { Sql } from "postgres";

/**
 * The files from which events are proven, made of the chain's links: as a sink that keeps the tree has them. Each link is read
 * once, in the order of their seqs, in one snapshot.
 *
 * @param head the signed head; its checkpoint is the tree's
 * @param seqs which events, each within the head's tree
 * @throws {VerifierError} `not_provable` where a link is missing, or has no form that can be hashed
 */
export async function treeFromChain(sql: Sql, head: Head, seqs: readonly Seq[]): Promise<TreeFiles> {
  const wanted = new Set(seqs.flatMap((seq) => pathsFor(seq, head.seq)));
  const files = new Map<string, Uint8Array>([["checkpoint", Buffer.from(head.checkpoint)]]);
  const keep = (made: readonly TreeFile[]): void => {
    for (const { path, bytes } of made) if (wanted.has(path)) files.set(path, bytes);
  };
  const tree = new TileBuilder();
  await eachLink(sql, head.seq, (leaf) => {
    tree.append(Buffer.from(leaf));
    keep(tree.takeFull());
  });
  keep(tree.partial(head.seq));
  return { read: async (path) => await Promise.resolve(files.get(path)) };
}

/** The bundle that has an event's leaf, and the tiles of its inclusion proof. */
function pathsFor(seq: Seq, size: Seq): string[] {
  const index = seq - 1n;
  const bundle = tileAt(size, "entries", index / BigInt(TILE_WIDTH));
  return [bundle, ...tilesOf(inclusionRanges(index, size), size)].map(tilePath);
}

/** Reads the links up to a size, all of them. @param take gets the leaf's text of each */
async function eachLink(sql: Sql, size: Seq, take: (leaf: string) => void): Promise<void> {
  let next = 1n;
  await sql.begin("isolation level repeatable read read only", async (tx) => {
    await tx.unsafe([...TEXT_SETTINGS, "row_security = off"].map((setting) => `set local ${setting}`).join("; "));
    while (next <= size) {
      const before = next;
      await copyLinks(tx, { from: next, limit: Number(min(size - next + 1n, BigInt(COPY_LINKS))) }, (row) => {
        const appendedAt = hashedTime(row);
        if (appendedAt === null || row.seq !== next) return false;
        take(leafText({ ...row, appendedAt }));
        next++;
        return true;
      });
      if (next === before)
        throw new VerifierError(
          "not_provable",
          `No proof can be made: link ${next} is missing or damaged (audit-verify says more).`,
        );
    }
  });
}

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
