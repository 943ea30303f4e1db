import { FrontierBuilder, leafHash, type LeafRange, leafText, type Seq, TEXT_SETTINGS } from "@scidex/audit-core";
import { COPY_LINKS, copyLinks, hashedTime, VerifierError } from "@scidex/audit-reader";
import type { Sql } from "postgres";

/**
 * The roots of ranges of the tree, from the chain's links: each is read once, in the order of their seqs, in one snapshot.
 *
 * @param size how many links the tree has
 * @throws {VerifierError} `not_provable` where a link is missing, or has no form that can be hashed
 */
export async function rootsFromChain(sql: Sql, ranges: readonly LeafRange[], size: Seq): Promise<Uint8Array[]> {
  const builders = ranges.map((range) => ({ range, builder: new FrontierBuilder() }));
  let next = 1n;
  const take = (hash: Uint8Array): void => {
    const index = next - 1n;
    builders.find(({ range }) => range.from <= index && index < range.to)?.builder.append(hash);
    next++;
  };
  await sql.begin("isolation level repeatable read read only", async (tx) => {
    await tx.unsafe([...TEXT_SETTINGS, "row_security = off"].map((setting) => `set local ${setting}`).join("; "));
    while (next <= size) {
      const before = next;
      await copyLinks(tx, { from: next, limit: Number(min(size - next + 1n, BigInt(COPY_LINKS))) }, (row) => {
        const appendedAt = hashedTime(row);
        if (appendedAt === null || row.seq !== next) return false;
        take(leafHash(leafText({ ...row, appendedAt })));
        return true;
      });
      if (next === before)
        throw new VerifierError(
          "not_provable",
          `No proof can be made: link ${next} is missing or damaged (audit-verify says more).`,
        );
    }
  });
  return builders.map(({ builder }) => builder.root());
}

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
