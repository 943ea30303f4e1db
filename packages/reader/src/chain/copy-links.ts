import type { Seq } from "@scidex/audit-core";
import type { TransactionSql } from "postgres";
import { Cursor } from "../database/copy/cursor.ts";
import { openCopy, type OpenCopy } from "../database/copy/open-copy.ts";
import { CHAIN_COLUMNS, type ChainRow, decodeChainRow } from "./chain-row.ts";

/**
 * Links of one COPY, some 3 MB. Before anything else can be asked, a COPY must be read to its end, also where a link is
 * found that ends the walk: so none of them is long.
 */
export const COPY_LINKS = 10_000;

const NAMES = CHAIN_COLUMNS.map(([name]) => name).join(", ");

/** Reads links in the order of their seqs in one COPY, until there are no more or `take` returns false. */
export async function copyLinks(
  tx: TransactionSql,
  { from, limit }: { readonly from: Seq; readonly limit: number },
  take: (row: ChainRow) => boolean,
): Promise<void> {
  const copy = await openLinks(tx, `seq >= ${from} order by seq limit ${limit}`);
  try {
    const cursor = Cursor.binary(copy, CHAIN_COLUMNS.length, decodeChainRow);
    let row = await cursor.next();
    while (row !== undefined && take(row)) {
      if (!cursor.step()) await cursor.fill();
      row = cursor.current;
    }
  } finally {
    await copy.drain();
  }
}

/** The bytes of a binary COPY of links. @param which what follows WHERE */
export const openLinks = async (tx: TransactionSql, which: string): Promise<OpenCopy> =>
  await openCopy(
    tx.unsafe(`copy (select ${NAMES} from only public.audit_chain where ${which}) to stdout (format binary)`),
  );
